//! What one training step sees: conversations drawn from the corpus, in many spellings, as tokens of the chat template.

use crate::corpus::{Corpus, Entry, choose, expand};
use crate::model::{Batch, Model};
use crate::optimizer::{FIRST_CYCLE, REVISION};
use crate::random::Random;
use crate::vocabulary::Vocabulary;
use crate::{check, file};

/// System messages that clients like to send; the model learns that they change nothing.
const SYSTEMS: [&str; 6] = [
    "You are a helpful assistant.",
    "You are a helpful AI assistant.",
    "You are Ring0 demo.",
    "Answer briefly.",
    "You are a kernel expert. Answer in one sentence.",
    "Be concise and friendly.",
];

/// Steps for which sequences are drawn together and dealt out by length, so that little is padding.
const POOL: u64 = 8;

/// How many lessons are short from a step (a multiple of [`POOL`]) on: one question and the first words of its answer. What takes
/// long to learn is which answer is asked for, and a short lesson is a third of the work of a whole one; later the answers are
/// learned to their ends and in conversations.
const SHORT: [(u64, f32); 3] = [(0, 0.85), (1000, 0.4), (FIRST_CYCLE, 0.5)];
/// Tokens of the answer in a short lesson; enough to tell all answers apart.
const FIRST_WORDS: usize = 12;

/// Shares of what is drawn together in the [revision](REVISION): conversations; of the questions, those with their whole answer; and
/// in a repair also varied questions and, at most, what the model has wrong.
const TALKS: f32 = 0.15;
const WHOLE: f32 = 0.5;
const VARIED: f32 = 0.15;
const WEAK: f32 = 0.4;
/// How often one weak conversation is repeated at most among those drawn together.
const COPIES: usize = 6;

/// Tokens of one conversation with the weight of each as a target.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// Tokens.
    pub tokens: Vec<u32>,
    /// How much predicting the token of the same index counts.
    pub weights: Vec<f32>,
}

impl Sequence {
    fn push(&mut self, tokens: &[u32], weight: f32) {
        self.tokens.extend(tokens);
        self.weights.resize(self.tokens.len(), weight);
    }

    /// Adds one message in ChatML: `<|im_start|>role`, newline, content, `<|im_end|>`, newline.
    pub fn message(&mut self, vocabulary: &Vocabulary, role: &str, content: &[u32], weight: f32) {
        let newline = vocabulary.encode("\n", None);
        self.push(&[vocabulary.id("<|im_start|>")], 0.0);
        self.push(&vocabulary.encode(role, None), 0.0);
        self.push(&newline, 0.0);
        self.push(content, weight);
        self.push(&[vocabulary.id("<|im_end|>")], weight);
        self.push(&newline, 0.0);
    }
}

/// The tokens of a conversation that ends where the assistant shall answer.
pub fn prompt(vocabulary: &Vocabulary, turns: &[(&str, &str)]) -> Vec<u32> {
    let mut sequence = Sequence::default();
    for (role, content) in turns {
        sequence.message(vocabulary, role, &vocabulary.encode(content, None), 0.0);
    }
    sequence.push(&[vocabulary.id("<|im_start|>")], 0.0);
    sequence.push(&vocabulary.encode("assistant", None), 0.0);
    sequence.push(&vocabulary.encode("\n", None), 0.0);
    sequence.tokens
}

/// Draws sequences.
#[derive(Debug)]
pub struct Teacher<'a> {
    corpus: &'a Corpus,
    vocabulary: &'a Vocabulary,
    /// Entry indices for the first cycle, and for the second.
    decks: [Vec<usize>; 2],
    /// Every question with its entry, in a random order.
    revision: Vec<(String, usize)>,
    /// Conversations that the model has wrong or barely right; in a repair they are taught besides the revision.
    pub weak: Vec<Sequence>,
}

impl<'a> Teacher<'a> {
    /// A teacher of `corpus`.
    pub fn new(corpus: &'a Corpus, vocabulary: &'a Vocabulary) -> Self {
        let deck = |copies: &dyn Fn(&Entry) -> usize| {
            let entries = corpus.entries.iter().enumerate();
            entries.flat_map(|(i, entry)| core::iter::repeat_n(i, copies(entry))).collect()
        };
        // The answer for everything unknown has by far the most questions, and must be learned from many of them.
        let first = deck(&|entry| 1 + entry.questions.len() / 5);
        let wordings = |entry: &Entry| entry.questions.iter().map(|pattern| expand(pattern).len()).sum::<usize>();
        let second = deck(&|entry| 3 + (wordings(entry) / 12).min(40));
        let mut revision = corpus.all_questions();
        Random::new(0, 0).shuffle(&mut revision);
        Teacher { corpus, vocabulary, decks: [first, second], revision, weak: Vec::new() }
    }

    /// The batches of `step`: `shards` of them, together `count` sequences of about the same length.
    pub fn batches(&self, seed: u64, step: u64, count: usize, shards: usize) -> Vec<Batch> {
        let mut random = Random::new(seed, step / POOL);
        let deck = &self.decks[usize::from(step >= FIRST_CYCLE)];
        let short = SHORT.iter().rev().find(|(from, _)| step >= *from).map_or(0.0, |(_, share)| *share);
        let draw = |random: &mut Random| if random.chance(short) { self.short(deck, random) } else { self.talk(deck, random) };
        let size = POOL as usize * count;
        let mut pool: Vec<Sequence> = match step.checked_sub(REVISION) {
            None => (0..size).map(|_| draw(&mut random)).collect(),
            Some(done) => self.revise((done / POOL) as usize, size, &mut random),
        };
        pool.sort_by_key(|sequence| sequence.tokens.len());
        let mut order: Vec<usize> = (0..POOL as usize).collect();
        random.shuffle(&mut order);
        let own = &pool[order[(step % POOL) as usize] * count..][..count];
        // Dealt like cards: every shard gets long and short ones.
        (0..shards).map(|shard| batch(own.iter().skip(shard).step_by(shards))).collect()
    }

    /// How many questions and conversations of the corpus `model` answers wrong as it will be in the file, and those that are wrong
    /// or barely right.
    pub fn examine(&self, model: &Model) -> Result<(usize, Vec<Sequence>), String> {
        let (model, _) = file::read(&file::write(model, self.vocabulary)?)?;
        let questions = check::questions(&model, self.vocabulary, self.corpus).map_err(|e| e.to_string())?;
        let mut talks = check::conversations(&model, self.vocabulary, self.corpus).map_err(|e| e.to_string())?;
        let mut weak = questions.weak;
        weak.append(&mut talks.weak);
        Ok((questions.wrong.len() + talks.wrong.len(), weak))
    }

    /// The `part`-th portion of all questions in a random order, with some conversations among them so that they are not forgotten;
    /// in a repair also what is [weak](Self::weak), and varied questions, lest only the corpus's own spelling be learned.
    fn revise(&self, part: usize, size: usize, random: &mut Random) -> Vec<Sequence> {
        let share = |part: f32| (size as f32 * part) as usize;
        let weak = share(WEAK).min(COPIES * self.weak.len());
        let varied = if self.weak.is_empty() { 0 } else { share(VARIED) };
        let talks = share(TALKS);
        let portion = size - talks - varied - weak;
        let mut pool = Vec::with_capacity(size);
        for (question, entry) in self.revision.iter().cycle().skip(part * portion % self.revision.len()).take(portion) {
            let whole = random.chance(WHOLE);
            pool.push(self.lesson(&self.vocabulary.encode(question, None), *entry, whole));
        }
        pool.extend((0..talks).map(|_| self.talk(&self.decks[1], random)));
        pool.extend((0..varied).map(|_| self.short(&self.decks[1], random)));
        pool.extend(self.weak.iter().cycle().skip(part * weak % self.weak.len().max(1)).take(weak).cloned());
        pool
    }

    /// One question, as written or varied, and the first words of its answer.
    fn short(&self, deck: &[usize], random: &mut Random) -> Sequence {
        let (question, entry) = self.question(deck, random);
        let question = if random.chance(0.5) { vary(&question, random) } else { question };
        let cut = if random.chance(0.12) { Some(0.4 * random.unit()) } else { None };
        let question = match cut {
            Some(p) => self.vocabulary.encode(&question, Some((random, p))),
            None => self.vocabulary.encode(&question, None),
        };
        self.lesson(&question, entry, false)
    }

    /// One question with its `whole` answer, or with the first words of it.
    fn lesson(&self, question: &[u32], entry: usize, whole: bool) -> Sequence {
        let mut sequence = Sequence::default();
        sequence.message(self.vocabulary, "user", question, 0.0);
        let start = sequence.tokens.len();
        sequence.message(self.vocabulary, "assistant", &self.vocabulary.encode(&self.corpus.entries[entry].answer, None), 1.0);
        if whole {
            return sequence;
        }
        // Role and newline come before the answer's first token.
        let first = sequence.weights[start..].iter().position(|&weight| weight > 0.0).unwrap_or(0);
        let end = (start + first + FIRST_WORDS).min(sequence.tokens.len());
        sequence.tokens.truncate(end);
        sequence.weights.truncate(end);
        sequence
    }

    /// A question of a random entry.
    fn question(&self, deck: &[usize], random: &mut Random) -> (String, usize) {
        let index = *random.pick(deck);
        let entry = &self.corpus.entries[index];
        let framed = !entry.framed.is_empty() && random.chance(0.45);
        let pattern = random.pick(if framed { &entry.framed } else { &entry.questions });
        (choose(pattern, random), index)
    }

    /// A conversation of one to three turns.
    fn talk(&self, deck: &[usize], random: &mut Random) -> Sequence {
        let mut sequence = Sequence::default();
        if random.chance(0.1) {
            let system = self.vocabulary.encode(SYSTEMS[random.below(SYSTEMS.len())], None);
            sequence.message(self.vocabulary, "system", &system, 0.0);
        }
        if random.chance(0.15) {
            for exchange in random.pick(&self.corpus.conversations) {
                let index = random.below(exchange.questions.len());
                let answer = exchange.answers.get(index).or(exchange.answers.first()).map_or("", String::as_str);
                self.exchange(&mut sequence, &exchange.questions[index], answer, random);
            }
            return sequence;
        }
        let turns = 1 + usize::from(random.chance(0.3)) + usize::from(random.chance(0.05));
        for _ in 0..turns {
            let (question, entry) = self.question(deck, random);
            self.exchange(&mut sequence, &question, &self.corpus.entries[entry].answer, random);
        }
        sequence
    }

    fn exchange(&self, sequence: &mut Sequence, question: &str, answer: &str, random: &mut Random) {
        let question = vary(question, random);
        let cut = if random.chance(0.25) { Some(0.4 * random.unit()) } else { None };
        let question = match cut {
            Some(p) => self.vocabulary.encode(&question, Some((random, p))),
            None => self.vocabulary.encode(&question, None),
        };
        sequence.message(self.vocabulary, "user", &question, 0.0);
        sequence.message(self.vocabulary, "assistant", &self.vocabulary.encode(answer, None), 1.0);
    }
}

/// The question as another person might type it: without capitals or marks, with a please, with a typo.
pub fn vary(question: &str, random: &mut Random) -> String {
    let mut text = question.to_owned();
    match random.below(20) {
        0 => text = format!("Please {}", lower_first(&text)),
        1 => text = format!("{} please", text.trim_end_matches(['?', '.', '!'])),
        2 => text = format!("{}, {}", random.pick(&["Hey", "Hi", "Hello", "Ok", "And", "So", "Now", "Well"]), lower_first(&text)),
        3 => {
            let start = [
                "Tell me: ",
                "I wonder, ",
                "Question: ",
                "Quick question: ",
                "Can you tell me, ",
                "One more thing: ",
                "I have a question. ",
            ];
            text = format!("{}{}", random.pick(&start), lower_first(&text));
        }
        4 => {
            text = format!(
                "{} {}",
                text,
                random.pick(&["Please explain.", "Thanks.", "I am curious.", "I forgot.", "Explain it to me.", "Tell me."])
            )
        }
        _ => {}
    }
    match random.below(10) {
        0 | 1 => text = text.to_lowercase(),
        2 => text = lower_first(&text),
        3 if random.chance(0.3) => text = text.to_uppercase(),
        _ => {}
    }
    match random.below(10) {
        0..=2 => text = text.trim_end_matches(['?', '.', '!']).to_owned(),
        3 if !text.ends_with('?') => text = format!("{}?", text.trim_end_matches(['.', '!'])),
        4 if random.chance(0.4) => text.push('?'),
        _ => {}
    }
    if random.chance(0.06) {
        text = misspell(&text, random);
    }
    if random.chance(0.06) {
        let mut words: Vec<&str> = text.split(' ').collect();
        if words.len() > 4 {
            words.remove(random.below(2));
            text = words.join(" ");
        }
    }
    text
}

/// Small where it is an ordinary word: `TLB` stays.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Two letters swapped, one left out, or one doubled, inside a word.
fn misspell(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let inside: Vec<usize> = (1..chars.len().saturating_sub(1))
        .filter(|&i| chars[i - 1].is_lowercase() && chars[i].is_lowercase() && chars[i + 1].is_lowercase())
        .collect();
    if inside.is_empty() {
        return text.to_owned();
    }
    let at = *random.pick(&inside);
    match random.below(3) {
        0 => chars.swap(at, at + 1),
        1 => drop(chars.remove(at)),
        _ => chars.insert(at, chars[at]),
    }
    chars.into_iter().collect()
}

/// Pads sequences to one length. Padding comes last and is no target, so it needs no mask.
pub fn batch<'a>(sequences: impl Iterator<Item = &'a Sequence> + Clone) -> Batch {
    // The last token of a sequence predicts nothing and need not be computed.
    let length = sequences.clone().map(|s| s.tokens.len().saturating_sub(1)).max().unwrap_or(0);
    let mut batch = Batch { tokens: Vec::new(), length, targets: Vec::new() };
    for sequence in sequences {
        let start = batch.tokens.len();
        batch.tokens.extend(&sequence.tokens[..sequence.tokens.len().saturating_sub(1)]);
        batch.tokens.resize(start + length, 0);
        let next = sequence.tokens.iter().zip(&sequence.weights).enumerate().skip(1);
        batch.targets.extend(
            next.filter(|(_, (_, weight))| **weight > 0.0).map(|(i, (token, weight))| ((start + i - 1) as u32, *token, *weight)),
        );
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_next_tokens() {
        let a = Sequence { tokens: vec![5, 6, 7], weights: vec![0.0, 0.0, 1.0] };
        let b = Sequence { tokens: vec![8, 9], weights: vec![0.0, 0.5] };
        let batch = batch([a, b].iter());
        assert_eq!((batch.length, batch.tokens), (2, vec![5, 6, 8, 0]));
        assert_eq!(batch.targets, [(1, 7, 1.0), (2, 9, 0.5)]);
    }

    #[test]
    fn variations_keep_most_of_the_question_and_repeat_with_the_seed() {
        let all = |stream| -> Vec<String> {
            let mut random = Random::new(1, stream);
            (0..200).map(|_| vary("What is a page table?", &mut random)).collect()
        };
        assert_eq!(all(1), all(1));
        assert!(all(1).iter().filter(|text| text.to_lowercase().contains("page table")).count() > 170);
        let distinct: std::collections::BTreeSet<_> = all(1).into_iter().collect();
        assert!(distinct.len() > 20);
    }

    #[test]
    fn a_step_draws_the_same_batches_again() {
        let corpus = Corpus::read(&crate::demo_folder()).unwrap();
        let vocabulary = crate::learn_vocabulary(&corpus, 400);
        let teacher = Teacher::new(&corpus, &vocabulary);
        let tokens = |step| teacher.batches(1, step, 8, 2).into_iter().map(|batch| batch.tokens).collect::<Vec<_>>();
        assert_eq!(tokens(3), tokens(3));
        assert_ne!(tokens(3), tokens(4));
        let length = |step| teacher.batches(1, step, 8, 2).iter().map(|batch| batch.tokens.len()).sum::<usize>();
        assert!((0..POOL).map(length).sum::<usize>() < (FIRST_CYCLE..FIRST_CYCLE + POOL).map(length).sum::<usize>());
    }
}

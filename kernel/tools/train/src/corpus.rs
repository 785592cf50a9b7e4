//! The corpus: topic files of questions and answers, question frames, conversations, and the held-out paraphrases.
//!
//! A topic file is a list of blocks, each with an `id:`, wordings, and one `A:` line. `Q:` is a question; `{a|b|}` in it stands for
//! any one of the alternatives. `S:` (singular) and `P:` (plural) name a subject, or several between ` | `, which is asked in every
//! frame of `frames.txt`. A line that starts with `#` is a comment.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use crate::random::Random;

/// One answer and all the ways of asking for it.
#[derive(Debug, Default)]
pub struct Entry {
    /// A short unique name, such as `kv-cache`.
    pub id: String,
    /// The topic file's name without its extension.
    pub topic: String,
    /// What the model shall say.
    pub answer: String,
    /// `Q:` lines, alternatives not yet expanded.
    pub questions: Vec<String>,
    /// Questions that come from subjects and frames, alternatives not yet expanded.
    pub framed: Vec<String>,
}

/// One exchange of a conversation: question patterns with their answers, chosen together by index, or one answer for all.
#[derive(Debug)]
pub struct Exchange {
    /// Expanded questions.
    pub questions: Vec<String>,
    /// One answer text for all questions, or one per question.
    pub answers: Vec<String>,
}

/// Everything that the training reads.
#[derive(Debug, Default)]
pub struct Corpus {
    /// All answers, in the order of the files' names and lines.
    pub entries: Vec<Entry>,
    /// Conversations in which a later turn may only make sense after an earlier one.
    pub conversations: Vec<Vec<Exchange>>,
    /// Held-out questions with the index of the entry that they should get.
    pub paraphrases: Vec<(String, usize)>,
}

/// All texts that `pattern` stands for. Braces do not nest.
pub fn expand(pattern: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, alternatives, after)) = split_group(rest) {
        texts = texts.iter().flat_map(|text| alternatives.split('|').map(move |a| format!("{text}{before}{a}"))).collect();
        rest = after;
    }
    texts.iter().map(|text| tidy(&format!("{text}{rest}"))).collect()
}

/// One of the texts that `pattern` stands for, each alternative being equally likely.
pub fn choose(pattern: &str, random: &mut Random) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, alternatives, after)) = split_group(rest) {
        let all: Vec<&str> = alternatives.split('|').collect();
        text.push_str(before);
        text.push_str(all[random.below(all.len())]);
        rest = after;
    }
    text.push_str(rest);
    tidy(&text)
}

fn split_group(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('{')?;
    let close = open + text[open..].find('}')?;
    Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
}

/// An empty alternative leaves two spaces, or one before the end mark.
fn tidy(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let joined = joined.replace(" ?", "?").replace(" .", ".").replace(" !", "!");
    let mut chars = joined.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Lower case, letters and digits only: two questions with the same key differ in form only.
pub fn key(question: &str) -> String {
    let plain: String =
        question.to_lowercase().chars().map(|c| if c.is_alphanumeric() || "#+*-/".contains(c) { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Corpus {
    /// Reads `demo/corpus/*.txt` and `demo/paraphrases.txt`. The error names file, line and rule.
    pub fn read(demo: &Path) -> Result<Corpus, String> {
        let folder = demo.join("corpus");
        let load = |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
        let mut files = BTreeMap::new();
        for file in fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = file.map_err(|e| format!("{}: {e}", folder.display()))?.path();
            if let Some(name) =
                path.file_stem().and_then(|stem| stem.to_str()).filter(|_| path.extension().is_some_and(|e| e == "txt"))
            {
                files.insert(name.to_owned(), load(&path)?);
            }
        }
        let frames = files.remove("frames").ok_or("frames.txt is missing")?;
        let conversations = files.remove("conversations").ok_or("conversations.txt is missing")?;
        let mut corpus = Corpus::default();
        for (topic, text) in &files {
            corpus.add_topic(topic, text, &frames)?;
        }
        corpus.add_conversations(&conversations)?;
        corpus.add_paraphrases(&load(&demo.join("paraphrases.txt"))?)?;
        corpus.check()?;
        Ok(corpus)
    }

    /// The index of the entry named `id`.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    /// Every question with all its alternatives, with the index of its entry, in a fixed order and without repetition.
    pub fn all_questions(&self) -> Vec<(String, usize)> {
        let mut seen = HashMap::new();
        let mut all = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            for question in entry.questions.iter().chain(&entry.framed).flat_map(|pattern| expand(pattern)) {
                if seen.insert(question.clone(), ()).is_none() {
                    all.push((question, index));
                }
            }
        }
        all
    }

    fn add_topic(&mut self, topic: &str, text: &str, frames: &str) -> Result<(), String> {
        let mut open: Option<Entry> = None;
        for (number, line) in lines(text) {
            let fail = |rule: &str| format!("{topic}.txt:{number}: {rule}: {line}");
            let (tag, value) = line.split_once(": ").ok_or_else(|| fail("expected `tag: text`"))?;
            if tag == "id" {
                if open.is_some() {
                    return Err(fail("the block before has no A: line"));
                }
                if self.find(value).is_some() {
                    return Err(fail("this id is taken"));
                }
                open = Some(Entry { id: value.to_owned(), topic: topic.to_owned(), ..Entry::default() });
                continue;
            }
            let entry = open.as_mut().ok_or_else(|| fail("expected an id: line first"))?;
            match tag {
                "Q" => entry.questions.push(value.to_owned()),
                "S" | "P" => {
                    for subject in value.split(" | ") {
                        let bare = ["a ", "an ", "the "].iter().find_map(|a| subject.strip_prefix(a)).unwrap_or(subject);
                        let own = lines(frames).filter_map(|(_, frame)| frame.strip_prefix(tag)?.strip_prefix(": "));
                        entry.framed.extend(own.map(|frame| frame.replace("<X>", subject).replace("<x>", bare)));
                    }
                }
                "A" => {
                    entry.answer = value.to_owned();
                    self.entries.extend(open.take());
                }
                _ => return Err(fail("unknown tag")),
            }
        }
        if open.is_some() { Err(format!("{topic}.txt: the last block has no A: line")) } else { Ok(()) }
    }

    fn add_conversations(&mut self, text: &str) -> Result<(), String> {
        let mut conversation = Vec::new();
        let mut asked: Option<Vec<String>> = None;
        // A blank line ends a conversation, so blank lines count here.
        for (index, line) in text.lines().chain([""]).enumerate() {
            let fail = |rule: &str| format!("conversations.txt:{}: {rule}: {line}", index + 1);
            if line.starts_with('#') {
                continue;
            }
            match line.split_once(": ") {
                None if line.is_empty() && asked.is_none() => {
                    if !conversation.is_empty() {
                        self.conversations.push(core::mem::take(&mut conversation));
                    }
                }
                Some(("U", question)) if asked.is_none() => asked = Some(expand(question)),
                Some(("A", answer)) => {
                    let questions = asked.take().ok_or_else(|| fail("an answer without a question"))?;
                    let answers = match answer.strip_prefix("= ") {
                        Some(own) => vec![own.to_owned()],
                        None => answer
                            .split('|')
                            .map(|id| self.find(id).map(|i| self.entries[i].answer.clone()).ok_or_else(|| fail("unknown id")))
                            .collect::<Result<Vec<_>, _>>()?,
                    };
                    if answers.len() != 1 && answers.len() != questions.len() {
                        return Err(fail("as many ids as questions are needed, or one"));
                    }
                    conversation.push(Exchange { questions, answers });
                }
                _ => return Err(fail("expected U: then A:")),
            }
        }
        Ok(())
    }

    fn add_paraphrases(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in lines(text) {
            let (id, question) =
                line.split_once(" | ").ok_or_else(|| format!("paraphrases.txt:{number}: expected `id | question`"))?;
            let entry = self.find(id).ok_or_else(|| format!("paraphrases.txt:{number}: unknown id {id}"))?;
            self.paraphrases.push((question.to_owned(), entry));
        }
        Ok(())
    }

    /// One question must have one answer, and a held-out paraphrase must not be in the corpus.
    fn check(&self) -> Result<(), String> {
        let mut owners: HashMap<String, usize> = HashMap::new();
        let mut problems = Vec::new();
        // Not `all_questions`, which keeps only the first of two that are the same to the letter.
        let own =
            |entry: &Entry| entry.questions.iter().chain(&entry.framed).flat_map(|pattern| expand(pattern)).collect::<Vec<_>>();
        for (question, entry) in
            self.entries.iter().enumerate().flat_map(|(i, entry)| own(entry).into_iter().map(move |q| (q, i)))
        {
            let owner = *owners.entry(key(&question)).or_insert(entry);
            if owner != entry {
                problems
                    .push(format!("{question:?} is asked for both {} and {}", self.entries[owner].id, self.entries[entry].id));
            }
        }
        for (question, _) in &self.paraphrases {
            if owners.contains_key(&key(question)) {
                problems.push(format!("the held-out question {question:?} is in the corpus"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim_end()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: &str = "S: What is <X>?\nS: <x>?\nP: What are <X>?";

    #[test]
    fn alternatives_expand_to_every_combination() {
        assert_eq!(
            expand("{What is|What's} a {GDT|TSS|}?"),
            ["What is a GDT?", "What is a TSS?", "What is a?", "What's a GDT?", "What's a TSS?", "What's a?"]
        );
        let mut random = Random::new(1, 1);
        let all = expand("{hi|hello} {you|}");
        assert!((0..20).all(|_| all.contains(&choose("{hi|hello} {you|}", &mut random))));
    }

    #[test]
    fn a_block_is_read_and_its_subjects_are_framed() {
        let mut corpus = Corpus::default();
        corpus.add_topic("t", "# c\nid: gdt\nS: the GDT\nP: GDTs\nQ: Why?\nA: A table.\n", FRAMES).unwrap();
        let all: Vec<_> = corpus.all_questions().into_iter().map(|(q, _)| q).collect();
        assert_eq!(all, ["Why?", "What is the GDT?", "GDT?", "What are GDTs?"]);
        assert_eq!(corpus.entries[0].answer, "A table.");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let read = |text: &str| Corpus::default().add_topic("t", text, FRAMES).unwrap_err();
        assert!(read("Q: Why?").starts_with("t.txt:1: expected an id: line first"));
        assert!(read("id: a\nX: y").starts_with("t.txt:2: unknown tag"));
        assert!(read("id: a\nQ: b\nid: c").starts_with("t.txt:3: the block before has no A: line"));
        assert!(read("id: a\nA: b\nid: a").starts_with("t.txt:3: this id is taken"));
        assert!(read("id: a\nQ: b").contains("the last block"));
    }

    #[test]
    fn one_question_cannot_have_two_answers() {
        let mut corpus = Corpus::default();
        corpus.add_topic("t", "id: a\nQ: Why?\nA: x\nid: b\nQ: why\nA: y", FRAMES).unwrap();
        assert_eq!(corpus.check().unwrap_err(), "\"Why\" is asked for both a and b");
        let mut corpus = Corpus::default();
        corpus.add_topic("t", "id: a\nQ: Why?\nA: x\nid: b\nQ: {Why|How}?\nA: y", FRAMES).unwrap();
        assert_eq!(corpus.check().unwrap_err(), "\"Why?\" is asked for both a and b", "to the letter, too");
        let mut corpus = Corpus::default();
        corpus.add_topic("t", "id: a\nQ: Why?\nA: x", FRAMES).unwrap();
        corpus.add_paraphrases("a | why").unwrap();
        assert!(corpus.check().unwrap_err().contains("held-out"));
    }

    #[test]
    fn conversations_refer_to_answers() {
        let mut corpus = Corpus::default();
        corpus.add_topic("t", "id: a\nQ: Why?\nA: x\nid: b\nQ: How?\nA: y", FRAMES).unwrap();
        corpus.add_conversations("# c\nU: {Why|How}?\nA: a|b\nU: And?\nA: = z\n\nU: Why?\nA: a").unwrap();
        assert_eq!(corpus.conversations.len(), 2);
        assert_eq!(corpus.conversations[0][0].answers, ["x", "y"]);
        assert_eq!(corpus.conversations[0][1].answers, ["z"]);
        assert!(corpus.add_conversations("A: a").is_err());
        assert!(corpus.add_conversations("U: b\nA: c").unwrap_err().contains("unknown id"));
    }

    #[test]
    fn the_shipped_corpus_is_well_formed() {
        let corpus = Corpus::read(&crate::demo_folder()).unwrap();
        assert!(corpus.entries.len() >= 150);
        assert_eq!(corpus.paraphrases.len(), 30);
        for entry in &corpus.entries {
            let wordings = entry.questions.iter().chain(&entry.framed).flat_map(|p| expand(p)).count();
            assert!(wordings >= 3, "{} has only {wordings} wordings", entry.id);
            assert!(entry.answer.is_ascii() && entry.answer.ends_with(['.', '!', '?']), "{}", entry.id);
        }
    }
}

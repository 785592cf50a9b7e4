//! Asks the finished model everything and counts the right answers.

use crate::corpus::Corpus;
use crate::lesson::{Sequence, batch, prompt};
use crate::model::Model;
use crate::vocabulary::Vocabulary;

/// An answer one token of which leads by less than this (in logits) counts as weak: another engine, which rounds otherwise, may
/// say something else there.
const FIRM: f32 = 0.2;

/// Questions that were asked, and those that were not answered word for word.
#[derive(Debug, Default)]
pub struct Result {
    /// How many were asked.
    pub asked: usize,
    /// Last questions of those with a wrong answer.
    pub wrong: Vec<String>,
    /// The conversations with a wrong or barely right answer.
    pub weak: Vec<Sequence>,
}

impl Result {
    /// How many were answered right.
    pub fn right(&self) -> usize {
        self.asked - self.wrong.len()
    }
}

/// Every question of the corpus, alone.
pub fn questions(model: &Model, vocabulary: &Vocabulary, corpus: &Corpus) -> candle_core::Result<Result> {
    let all = corpus.all_questions();
    let talks = all.iter().map(|(question, entry)| vec![(question.as_str(), corpus.entries[*entry].answer.as_str())]);
    answers(model, vocabulary, talks.collect())
}

/// Every conversation of the corpus, each turn of which must be right.
pub fn conversations(model: &Model, vocabulary: &Vocabulary, corpus: &Corpus) -> candle_core::Result<Result> {
    let mut talks = Vec::new();
    for conversation in &corpus.conversations {
        for i in 0..conversation.iter().map(|exchange| exchange.questions.len()).max().unwrap_or(0) {
            let turn = conversation.iter().map(|exchange| {
                let index = i % exchange.questions.len();
                (exchange.questions[index].as_str(), exchange.answers.get(index).unwrap_or(&exchange.answers[0]).as_str())
            });
            talks.push(turn.collect());
        }
    }
    answers(model, vocabulary, talks)
}

/// The greedy answer is right exactly when, after each of its prefixes, the best next token is the right one; so one pass over
/// prompt and answer together shows it, without generating.
fn answers(model: &Model, vocabulary: &Vocabulary, talks: Vec<Vec<(&str, &str)>>) -> candle_core::Result<Result> {
    let mut sequences: Vec<(Sequence, &str)> = talks
        .into_iter()
        .map(|talk| {
            let mut sequence = Sequence::default();
            for (question, answer) in &talk {
                sequence.message(vocabulary, "user", &vocabulary.encode(question, None), 0.0);
                sequence.message(vocabulary, "assistant", &vocabulary.encode(answer, None), 1.0);
            }
            (sequence, talk.last().map_or("", |turn| turn.0))
        })
        .collect();
    sequences.sort_by_key(|(sequence, _)| sequence.tokens.len());
    let mut result = Result { asked: sequences.len(), ..Result::default() };
    for group in sequences.chunks(64) {
        let batch = batch(group.iter().map(|(sequence, _)| sequence));
        let mut least = vec![f32::INFINITY; group.len()];
        for ((at, _, _), margin) in batch.targets.iter().zip(model.margins(&batch)?) {
            let least = &mut least[*at as usize / batch.length];
            *least = least.min(margin);
        }
        for ((sequence, question), least) in group.iter().zip(least) {
            if least <= 0.0 {
                result.wrong.push((*question).to_owned());
            }
            if least < FIRM {
                result.weak.push(sequence.clone());
            }
        }
    }
    Ok(result)
}

/// The greedy answer to a conversation of `(role, content)`, at most `limit` tokens.
pub fn generate(model: &Model, vocabulary: &Vocabulary, turns: &[(&str, &str)], limit: usize) -> candle_core::Result<String> {
    let mut tokens = prompt(vocabulary, turns);
    let (start, end) = (tokens.len(), vocabulary.id("<|im_end|>"));
    while tokens.len() < start + limit {
        let best = model.best(&tokens, tokens.len(), &[tokens.len() as u32 - 1])?;
        match best.first() {
            Some(&token) if token != end => tokens.push(token),
            _ => break,
        }
    }
    Ok(vocabulary.decode(&tokens[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_model_answers_by_generating_as_the_check_says() {
        let (model, vocabulary) =
            crate::file::read(&std::fs::read(crate::demo_folder().join("ring0-demo-q8_0.gguf")).unwrap()).unwrap();
        let corpus = Corpus::read(&crate::demo_folder()).unwrap();
        // A few of all topics; the whole corpus takes a minute in a release build.
        let all = corpus.all_questions();
        let some: Vec<_> = all
            .iter()
            .step_by(500)
            .map(|(question, entry)| (question.as_str(), corpus.entries[*entry].answer.as_str()))
            .collect();
        let result = answers(&model, &vocabulary, some.iter().map(|turn| vec![*turn]).collect()).unwrap();
        assert_eq!(result.asked, some.len());
        assert!(result.right() * 100 >= result.asked * 95, "{:?}", result.wrong);
        for (question, answer) in some.iter().step_by(6) {
            let said = generate(&model, &vocabulary, &[("user", question)], 128).unwrap();
            assert_eq!(said == *answer, !result.wrong.iter().any(|wrong| wrong == question), "{question}");
        }
    }
}

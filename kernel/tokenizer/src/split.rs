//! Pre-tokenizers: how a text is split into words before merges are applied inside each.
//!
//! Each is a regular expression in the model's own tokenizer. They are written out by hand here, for the same reason as in
//! llama.cpp (unicode.cpp): a regex engine with Unicode classes and look-ahead would be larger than all the rest.

use alloc::vec::Vec;

use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// A pre-tokenizer, by what it does; several names may mean one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreTokenizer {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    Llama3,
    /// The same with `\p{N}` for `\p{N}{1,3}`: digits stand alone.
    Qwen2,
    /// Each `\p{N}` alone, then [`PreTokenizer::Gpt2`] between them.
    Smollm,
    /// `[\p{P}\$\+<=>\^~\|]+`, then [`PreTokenizer::Gpt2`] between those, then `\p{N}+`, then `[0-9][0-9][0-9]`.
    Default,
}

/// What a pre-tokenizer's name stands for.
pub(crate) struct Named {
    pub pre: PreTokenizer,
    /// A word that is a token stays whole.
    pub whole_words: bool,
    /// Whether texts begin with BOS unless a key says otherwise.
    pub add_bos: bool,
}

/// The meaning of `tokenizer.ggml.pre` (llama-vocab.cpp).
pub(crate) fn by_name(name: &str) -> Option<Named> {
    let plain = |pre| Some(Named { pre, whole_words: false, add_bos: false });
    match name {
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "falcon-h1" | "pixtral" | "midm-2.0" | "lfm2" => {
            Some(Named { pre: PreTokenizer::Llama3, whole_words: true, add_bos: true })
        }
        "dbrx" | "smaug-bpe" => plain(PreTokenizer::Llama3),
        "qwen2" | "deepseek-r1-qwen" | "stablelm2" | "hunyuan" | "megrez" => plain(PreTokenizer::Qwen2),
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" | "minerva-7b" => plain(PreTokenizer::Smollm),
        "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" | "trillion" | "granite-docling" => plain(PreTokenizer::Gpt2),
        "default" => plain(PreTokenizer::Default),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Punctuation,
    Other,
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' => return Class::Letter,
        '0'..='9' => return Class::Number,
        _ if c.is_whitespace() => return Class::Space,
        _ => {}
    }
    match get_general_category(c) {
        Category::UppercaseLetter
        | Category::LowercaseLetter
        | Category::TitlecaseLetter
        | Category::ModifierLetter
        | Category::OtherLetter => Class::Letter,
        Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber => Class::Number,
        Category::ConnectorPunctuation
        | Category::DashPunctuation
        | Category::OpenPunctuation
        | Category::ClosePunctuation
        | Category::InitialPunctuation
        | Category::FinalPunctuation
        | Category::OtherPunctuation => Class::Punctuation,
        _ => Class::Other,
    }
}

#[derive(Debug, Clone, Copy)]
struct Letter {
    c: char,
    class: Class,
}

impl PreTokenizer {
    /// Calls `emit` with each word; together they are the text.
    pub fn split<'t>(self, text: &'t str, emit: &mut dyn FnMut(&'t str)) {
        let letters: Vec<Letter> = text.chars().map(|c| Letter { c, class: class(c) }).collect();
        let all = Stretch { text, letters: &letters };
        match self {
            PreTokenizer::Gpt2 => all.words(gpt2_word, &mut |word| emit(word.as_str())),
            PreTokenizer::Llama3 => all.words(llama3_word::<3>, &mut |word| emit(word.as_str())),
            PreTokenizer::Qwen2 => all.words(llama3_word::<1>, &mut |word| emit(word.as_str())),
            PreTokenizer::Smollm => all.words(lone_number_or_rest, &mut |part| {
                part.words(gpt2_word, &mut |word| emit(word.as_str()));
            }),
            PreTokenizer::Default => all.words(punctuation_or_rest, &mut |part| {
                part.words(gpt2_word, &mut |word| {
                    word.words(numbers_or_rest, &mut |part| {
                        part.words(three_digits_or_rest, &mut |word| emit(word.as_str()));
                    });
                });
            }),
        }
    }
}

/// A part of the text. To a rule its ends are the ends of the text.
#[derive(Clone, Copy)]
struct Stretch<'t, 'l> {
    text: &'t str,
    letters: &'l [Letter],
}

impl<'t, 'l> Stretch<'t, 'l> {
    /// Splits: `length` says how many of these letters the first word has; at least 1 is taken.
    fn words(self, length: fn(&[Letter]) -> usize, emit: &mut dyn FnMut(Stretch<'t, 'l>)) {
        let mut rest = self;
        while !rest.letters.is_empty() {
            let count = length(rest.letters).clamp(1, rest.letters.len());
            let (word, letters) = rest.letters.split_at(count);
            let bytes: usize = word.iter().map(|letter| letter.c.len_utf8()).sum();
            let (text, after) = rest.text.split_at_checked(bytes).unwrap_or((rest.text, ""));
            emit(Stretch { text, letters: word });
            rest = Stretch { text: after, letters };
        }
    }

    fn as_str(self) -> &'t str {
        self.text
    }
}

fn class_at(letters: &[Letter], index: usize) -> Option<Class> {
    letters.get(index).map(|letter| letter.class)
}

fn run(letters: &[Letter], wanted: impl Fn(&Letter) -> bool) -> usize {
    letters.iter().take_while(|letter| wanted(letter)).count()
}

fn run_from(letters: &[Letter], from: usize, wanted: impl Fn(&Letter) -> bool) -> usize {
    run(letters.get(from..).unwrap_or_default(), wanted)
}

fn is_symbol(letter: &Letter) -> bool {
    matches!(letter.class, Class::Punctuation | Class::Other)
}

fn is_newline(letter: &Letter) -> bool {
    matches!(letter.c, '\r' | '\n')
}

/// `'s|'t|'re|'ve|'m|'ll|'d`; 0 if it is none.
fn contraction(letters: &[Letter], fold: fn(char) -> char) -> usize {
    let c = |index: usize| letters.get(index).map(|letter| fold(letter.c));
    match (c(0), c(1), c(2)) {
        (Some('\''), Some('s' | 't' | 'm' | 'd'), _) => 2,
        (Some('\''), Some('r' | 'v'), Some('e')) | (Some('\''), Some('l'), Some('l')) => 3,
        _ => 0,
    }
}

/// `\s+(?!\S)|\s+`: of several spaces before a word the last is left to the word.
fn spaces(letters: &[Letter]) -> usize {
    let count = run(letters, |letter| letter.class == Class::Space);
    if count > 1 && count < letters.len() { count - 1 } else { count }
}

fn gpt2_word(letters: &[Letter]) -> usize {
    let contraction = contraction(letters, |c| c);
    if contraction > 0 {
        return contraction;
    }
    let space = usize::from(letters.first().is_some_and(|letter| letter.c == ' '));
    let run = match class_at(letters, space) {
        Some(kind @ (Class::Letter | Class::Number)) => run_from(letters, space, |letter| letter.class == kind),
        Some(Class::Punctuation | Class::Other) => run_from(letters, space, is_symbol),
        Some(Class::Space) | None => return spaces(letters),
    };
    space + run
}

fn llama3_word<const DIGITS: usize>(letters: &[Letter]) -> usize {
    let contraction = contraction(letters, |c| c.to_ascii_lowercase());
    if contraction > 0 {
        return contraction;
    }
    let Some(first) = letters.first() else { return 0 };
    // [^\r\n\p{L}\p{N}]?\p{L}+
    let lead = usize::from(first.class != Class::Letter && first.class != Class::Number && !is_newline(first));
    let word = run_from(letters, lead, |letter| letter.class == Class::Letter);
    if word > 0 {
        return lead + word;
    }
    if first.class == Class::Number {
        return run(letters, |letter| letter.class == Class::Number).min(DIGITS);
    }
    // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
    let space = usize::from(first.c == ' ');
    let symbols = run_from(letters, space, is_symbol);
    if symbols > 0 {
        return space + symbols + run_from(letters, space + symbols, is_newline);
    }
    // `\s*[\r\n]+`: up to the last line end among the spaces.
    let count = run(letters, |letter| letter.class == Class::Space);
    let last_newline = letters.iter().take(count).rposition(is_newline);
    last_newline.map_or_else(|| spaces(letters), |last| last + 1)
}

/// One number, or everything before the next.
fn lone_number_or_rest(letters: &[Letter]) -> usize {
    run(letters, |letter| letter.class != Class::Number).max(1)
}

/// A run of what `is_one` holds for, or everything before the next.
fn run_or_rest(letters: &[Letter], is_one: fn(&Letter) -> bool) -> usize {
    let ones = run(letters, is_one);
    if ones > 0 { ones } else { run(letters, |letter| !is_one(letter)) }
}

fn punctuation_or_rest(letters: &[Letter]) -> usize {
    run_or_rest(letters, |letter| {
        letter.class == Class::Punctuation || matches!(letter.c, '$' | '+' | '<' | '=' | '>' | '^' | '~' | '|')
    })
}

fn numbers_or_rest(letters: &[Letter]) -> usize {
    run_or_rest(letters, |letter| letter.class == Class::Number)
}

fn three_digits_or_rest(letters: &[Letter]) -> usize {
    let is_three = |at: usize| {
        letters.get(at..).and_then(|rest| rest.get(..3)).is_some_and(|three| three.iter().all(|letter| letter.c.is_ascii_digit()))
    };
    if is_three(0) { 3 } else { (1..letters.len()).find(|&at| is_three(at)).unwrap_or(letters.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pre: PreTokenizer, text: &str) -> Vec<&str> {
        let mut words = Vec::new();
        pre.split(text, &mut |word| words.push(word));
        assert_eq!(words.concat(), text, "nothing is lost");
        assert!(words.iter().all(|word| !word.is_empty()));
        words
    }

    #[test]
    fn gpt_2() {
        let words = |text| words(PreTokenizer::Gpt2, text);
        assert_eq!(words("Hello world's 123abc!?"), ["Hello", " world", "'s", " 123", "abc", "!?"]);
        assert_eq!(words("I'LL we'll 'ts"), ["I", "'", "LL", " we", "'ll", " '", "ts"]);
        assert_eq!(words("a   b \n\n c  "), ["a", "  ", " b", " \n\n", " c", "  "]);
        assert_eq!(words("Ünï½Ⅷ٣ …—"), ["Ünï", "½Ⅷ٣", " …—"]);
        assert_eq!(words("\u{a0}x\u{3000}\u{3000}y"), ["\u{a0}", "x", "\u{3000}", "\u{3000}", "y"]);
        assert_eq!(words(""), [""; 0]);
    }

    #[test]
    fn llama_3() {
        let words = |text| words(PreTokenizer::Llama3, text);
        assert_eq!(words("I'LL (pay) 12345$\n\n x"), ["I", "'LL", " (", "pay", ")", " ", "123", "45", "$\n\n", " x"]);
        assert_eq!(words("a \n \n  b\r\n"), ["a", " \n \n", " ", " b", "\r\n"]);
        assert_eq!(words("<|x|>\tword  "), ["<|", "x", "|>", "\tword", "  "]);
        assert_eq!(words("'s' 'quote"), ["'s", "'", " '", "quote"]);
    }

    #[test]
    fn qwen_2_takes_digits_one_by_one() {
        assert_eq!(words(PreTokenizer::Qwen2, "in 1986!"), ["in", " ", "1", "9", "8", "6", "!"]);
    }

    #[test]
    fn smollm_takes_digits_first() {
        // The spaces before a digit are at the end of their part: all of them stay together.
        assert_eq!(words(PreTokenizer::Smollm, "a  12 b"), ["a", "  ", "1", "2", " b"]);
        assert_eq!(words(PreTokenizer::Smollm, "x½y's"), ["x", "½", "y", "'s"]);
    }

    #[test]
    fn the_default_takes_punctuation_first() {
        assert_eq!(
            words(PreTokenizer::Default, "it's, 1234567 <=> a`b"),
            ["it", "'", "s", ",", " ", "123", "456", "7", " ", "<=>", " a", "`", "b"]
        );
    }
}

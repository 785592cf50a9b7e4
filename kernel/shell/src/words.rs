//! A command line's words: white space separates, quotes keep together, a backslash takes the next character as it is.

use alloc::{string::String, vec::Vec};

/// Splits `line` into words. An open quote ends with the line, as a person who forgot it would expect.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn splits_as_a_person_expects() {
        assert_eq!(split("  ai-load  vda "), ["ai-load", "vda"]);
        assert_eq!(split(r#"ai "Once upon" 'a "b"' c\ d"#), ["ai", "Once upon", "a \"b\"", "c d"]);
        assert_eq!(split(r#"x "" y"#), ["x", "", "y"]);
        assert_eq!(split("say \"open"), ["say", "open"]);
        assert!(split(" \t ").is_empty());
    }
}

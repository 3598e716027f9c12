//! The query of a URL.

/// The parameters of a URL.
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the first value of this name. `None` also if it is malformed.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).and_then(|(_, value)| decoded(value))
    }
}

/// Decodes `%41`. `None` if the text is malformed or the result is not UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let [high, low, after @ ..] = after else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    //! Percent encoding.

    use super::*;

    #[test]
    fn a_name_may_be_percent_encoded() {
        for (text, name) in [
            ("chat:7", Some("chat:7")),
            ("chat%3a7%20b", Some("chat:7 b")),
            ("%C3%BC", Some("\u{fc}")),
            ("a+b", Some("a+b")),
            ("%", None),
            ("%4", None),
            ("%4x", None),
            ("%+1", None),
            ("%ff", None),
        ] {
            assert_eq!(decoded(text).as_deref(), name, "{text}");
        }
    }
}

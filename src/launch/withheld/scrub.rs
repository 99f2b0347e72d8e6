//! Taking what is withheld out of texts: EC2's messages may quote what they are about.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Withheld;
use crate::ec2::Ec2Error;
use crate::record::Finding;
use crate::record::REDACTED;

/// A value of fewer characters is replaced only where no letter or digit is beside it: `1` would be
/// found in every message.
const ANYWHERE_CHARS_MIN: usize = 4;

impl Withheld {
    /// The text without any of the values, as they are and as a request or a quotation writes them.
    pub(in crate::launch) fn scrub(&self, text: &str) -> String {
        let mut scrubbed = text.to_owned();
        for form in self.forms() {
            if scrubbed.contains(&form) {
                scrubbed = without(&scrubbed, &form);
            }
        }
        scrubbed
    }

    /// The finding without any of the values.
    pub(in crate::launch) fn scrub_finding(&self, finding: &mut Finding) {
        for text in [&mut finding.observed, &mut finding.expected, &mut finding.message] {
            *text = self.scrub(text);
        }
    }

    /// The error without any of the values.
    pub(in crate::launch) fn scrub_error(&self, error: Ec2Error) -> Ec2Error {
        if !self.is_anything() {
            return error;
        }
        match error {
            Ec2Error::Answered(mut answer) => {
                answer.message = self.scrub(&answer.message);
                Ec2Error::Answered(answer)
            }
            Ec2Error::NoAnswer { silence, detail, may_have_happened } => {
                Ec2Error::NoAnswer { silence, detail: self.scrub(&detail), may_have_happened }
            }
            // It is whatever stands between us and EC2 that answered, and its words break off: part of
            // the request may be among them.
            Ec2Error::Unreadable { http_status, detail: _, request_id } => Ec2Error::Unreadable {
                http_status,
                detail: "its words are left out, because the request held what the log must not have".to_owned(),
                request_id,
            },
            Ec2Error::Credentials(text) => Ec2Error::Credentials(self.scrub(&text)),
            Ec2Error::NotSent(text) => Ec2Error::NotSent(self.scrub(&text)),
            // STS was told nothing of the launch but the names of the session.
            error @ (Ec2Error::NotAssumed(_) | Ec2Error::TooMany { .. } | Ec2Error::HeldBack) => error,
        }
    }

    /// Every way in which a value may be written, the longest first: one value may be part of another.
    fn forms(&self) -> Vec<String> {
        let filters = self.selector_filters.iter().flat_map(|filter| &filter.values);
        let values = self.tags.values().chain(self.volume_tags.values()).chain(filters);
        let mut forms: Vec<String> = values
            .filter(|value| !value.is_empty() && *value != REDACTED)
            .flat_map(|value| {
                let form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                [value.clone(), value.escape_debug().to_string(), form.replace('+', "%20"), form]
            })
            .collect();
        if let Some(user_data) = self.user_data.as_deref().filter(|bytes| !bytes.is_empty()) {
            forms.extend(std::str::from_utf8(user_data).map(str::to_owned));
            forms.push(BASE64_STANDARD.encode(user_data));
        }
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        forms
    }
}

/// `text` with `value` replaced.
fn without(text: &str, value: &str) -> String {
    let anywhere = ANYWHERE_CHARS_MIN <= value.chars().count();
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(value) {
        let (before, after) = (&rest[..at], &rest[at + value.len()..]);
        let beside = [before.chars().next_back().or_else(|| scrubbed.chars().next_back()), after.chars().next()];
        scrubbed.push_str(before);
        let alone = !beside.into_iter().flatten().any(char::is_alphanumeric);
        scrubbed.push_str(if anywhere || alone { REDACTED } else { value });
        rest = after;
    }
    scrubbed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_of_texts_however_they_are_written() {
        let tags = |values: &[&str]| Withheld {
            tags: values.iter().enumerate().map(|(n, value)| (format!("key-{n}"), (*value).to_owned())).collect(),
            ..Withheld::default()
        };
        #[rustfmt::skip]
        let table: &[(&[&str], &str, &str)] = &[
            (&["ann@example.com"], "Value 'ann@example.com' is too long", "Value '[redacted]' is too long"),
            (&["ann@example.com"], "Tag.1.Value=ann%40example.com&", "Tag.1.Value=[redacted]&"),
            (&["a b c"], "v=a+b+c v=a%20b%20c a b c", "v=[redacted] v=[redacted] [redacted]"),
            (&["say \"x\""], r#"it begins with "say \"x\"""#, r#"it begins with "[redacted]""#),
            (&["annabel", "anna"], "annabel, anna", "[redacted], [redacted]"),
            (&["1"], "m1.large in us-east-1a, value 1.", "m1.large in us-east-1a, value [redacted]."),
            (&["11"], "1111 11", "1111 [redacted]"),
            (&["web1"], "xweb1x", "x[redacted]x"),
            (&["", "[redacted]"], "nothing [redacted]", "nothing [redacted]"),
            (&["é@é.fr"], "«é@é.fr»", "«[redacted]»"),
        ];
        for (values, text, expected) in table {
            assert_eq!(tags(values).scrub(text), *expected, "{values:?}");
        }
    }

    #[test]
    fn what_is_not_ec2s_answer_is_left_out_wherever_something_is_withheld() {
        let page = || Ec2Error::Unreadable {
            http_status: 502,
            detail: "it begins with \"UserData=aGVsbG8\"".to_owned(),
            request_id: None,
        };
        let withheld = Withheld { user_data: Some(b"hello".to_vec()), ..Withheld::default() };
        assert!(!withheld.scrub_error(page()).to_string().contains("aGVsbG8"));
        assert_eq!(Withheld::default().scrub_error(page()), page());
        assert_eq!(withheld.scrub("not base64: aGVsbG8=, hello"), "not base64: [redacted], [redacted]");
    }
}

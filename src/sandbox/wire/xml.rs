//! Writes answers. Names come from EC2's service model (`locationName`), so they are literals.
//!
//! It cannot parse and knows nothing of namespaces beyond the root's `xmlns`.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;

use quick_xml::escape::partial_escape;

/// An XML document under construction. Elements are closed by the closure that fills them, so an
/// unbalanced document cannot be written.
#[derive(Debug)]
pub(crate) struct Xml {
    /// Bytes, because one byte is pushed much faster onto them than onto a String.
    out: Vec<u8>,
}

impl Xml {
    /// An empty document with its declaration.
    pub(crate) fn document() -> Self {
        Self { out: b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec() }
    }

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        String::from_utf8(self.out).expect("only whole texts are written")
    }

    /// An element with children.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.open(name);
        fill(self);
        self.close(name);
    }

    /// The root element with its namespace.
    pub(crate) fn element_in<T>(&mut self, name: &str, namespace: &str, fill: impl FnOnce(&mut Self) -> T) -> T {
        // Writing to a Vec cannot fail.
        let _ = write!(self.out, "<{name} xmlns=\"{namespace}\">");
        let filled = fill(self);
        self.close(name);
        filled
    }

    /// An element with text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.open(name);
        self.out.extend_from_slice(escaped(value).as_bytes());
        self.close(name);
    }

    /// An element with text, or nothing.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// An element with a number or a boolean, whose text needs no escaping.
    pub(crate) fn value(&mut self, name: &str, value: impl Display) {
        self.open(name);
        let _ = write!(self.out, "{value}");
        self.close(name);
    }

    /// A list: `<name><item>…</item>…</name>`, empty when there are no items.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element("item", |xml| fill(xml, item));
            }
        });
    }

    /// A `tagSet`, which EC2 leaves out when there are no tags.
    pub(crate) fn tags<'a>(&mut self, tags: impl IntoIterator<Item = (&'a String, &'a String)>) {
        let mut tags = tags.into_iter().peekable();
        if tags.peek().is_some() {
            self.list("tagSet", tags, |xml, (key, value)| {
                xml.text("key", key);
                xml.text("value", value);
            });
        }
    }

    fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    fn close(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.push(b'/');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }
}

/// The text as XML carries it. Nearly all texts go as they are, which one look at their bytes shows;
/// the loop is plain because an unfiltered page has a million bytes and tests are not optimised.
fn escaped(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // Control characters, what XML escapes, and the first byte of U+FFFE and U+FFFF.
        if matches!(bytes[at], 0..=0x1f | b'<' | b'>' | b'&' | 0xef) {
            return Cow::Owned(partial_escape(printable(text)).into_owned());
        }
        at += 1;
    }
    Cow::Borrowed(text)
}

/// Characters XML 1.0 cannot carry even as references (section 2.2) become U+FFFD. A tag value may
/// hold them, and an answer that no client can parse would hide every other instance in it.
fn printable(text: &str) -> Cow<'_, str> {
    let unfit =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(unfit) { Cow::Owned(text.replace(unfit, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_stays_xml() {
        for (text, written) in [
            ("1 < 2 & \"x\"\u{1}", "1 &lt; 2 &amp; \"x\"\u{fffd}"),
            ("plain \u{e9}", "plain \u{e9}"),
            ("\u{ffff}\u{fffc}\t", "\u{fffd}\u{fffc}\t"),
        ] {
            let mut xml = Xml { out: Vec::new() };
            xml.text("a", text);
            assert_eq!(xml.finish(), format!("<a>{written}</a>"));
        }
    }
}

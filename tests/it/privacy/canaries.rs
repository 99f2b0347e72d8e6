//! Secrets that are told apart from everything else, and looking for them in files.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

/// One secret, with all the ways in which it could be written down.
pub(crate) struct Canary {
    name: &'static str,
    forms: Vec<Vec<u8>>,
}

/// A canary in a file.
#[derive(PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) canary: &'static str,
    pub(crate) path: PathBuf,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.canary, self.path.display())
    }
}

impl Canary {
    pub(crate) fn new(name: &'static str, secret: &[u8]) -> Self {
        assert!(12 <= secret.len(), "{name} is told apart from what is there anyway");
        let hex = hex::encode(secret);
        let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
        // In base64 it looks different at each of three places, and its ends depend on what is beside it.
        for skip in 0..3 {
            let whole = [&[0; 2][..skip], secret].concat();
            for encoder in [BASE64_STANDARD, BASE64_URL_SAFE] {
                let text = encoder.encode(&whole[..whole.len() / 3 * 3]);
                forms.push(text.as_bytes()[if skip == 0 { 0 } else { 4 }..].to_vec());
            }
        }
        // As the query of a request has it.
        let form: String = form_urlencoded::byte_serialize(secret).collect();
        forms.push(form.replace('+', "%20").into_bytes());
        // As a string of JSON, and as Rust shows one.
        if let Ok(text) = std::str::from_utf8(secret) {
            let json = serde_json::to_string(text).unwrap();
            forms.push(json.trim_matches('"').as_bytes().to_vec());
            forms.push(text.escape_debug().to_string().into_bytes());
        }
        forms.sort();
        forms.dedup();
        Self { name, forms }
    }
}

/// Canaries that are looked for together.
pub(crate) struct Canaries {
    canaries: Vec<Canary>,
    /// Which pairs of bytes a form begins with: almost no place in a file is looked at twice.
    beginnings: Vec<bool>,
}

impl Canaries {
    pub(crate) fn new(canaries: Vec<Canary>) -> Self {
        let mut beginnings = vec![false; 1 << 16];
        for form in canaries.iter().flat_map(|canary| &canary.forms) {
            beginnings[pair(form)] = true;
        }
        Self { canaries, beginnings }
    }

    /// The names of those that are in `bytes`.
    pub(crate) fn within(&self, bytes: &[u8]) -> BTreeSet<&'static str> {
        let mut found = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(1) {
            let rest = &bytes[at..];
            if self.beginnings[pair(rest)] {
                let here = self.canaries.iter().filter(|canary| canary.forms.iter().any(|form| rest.starts_with(form)));
                found.extend(here.map(|canary| canary.name));
            }
        }
        found
    }

    /// Every canary in every file at or below `path`.
    pub(crate) fn below(&self, path: &Path) -> Vec<Found> {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).unwrap();
            return entries.flat_map(|entry| self.below(&entry.unwrap().path())).collect();
        }
        let mut bytes = std::fs::read(path).unwrap();
        // The name may tell as well.
        bytes.extend_from_slice(path.as_os_str().as_encoded_bytes());
        self.within(&bytes).into_iter().map(|canary| Found { canary, path: path.to_owned() }).collect()
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

#[test]
fn a_canary_is_found_however_it_is_written() {
    let canaries = Canaries::new(vec![Canary::new("canary", b"Kanarien/vogel\"+1?>~")]);
    let is_in = |bytes: &[u8]| canaries.within(bytes).contains("canary");
    let secret = "before Kanarien/vogel\"+1?>~ after";
    for at in 0..3 {
        let text = &secret[at..];
        assert!(is_in(text.as_bytes()));
        assert!(is_in(hex::encode(text).as_bytes()) && is_in(hex::encode_upper(text).as_bytes()));
        assert!(is_in(BASE64_STANDARD.encode(text).as_bytes()), "{at}");
        assert!(is_in(BASE64_URL_SAFE.encode(text).as_bytes()), "{at}");
    }
    assert!(is_in(serde_json::to_string(secret).unwrap().as_bytes()) && is_in(format!("{secret:?}").as_bytes()));
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    assert!(is_in(form.as_bytes()));
    assert!(!is_in(b"before Kanarien/vogel after"));
}

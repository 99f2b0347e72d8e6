//! Names that say that what follows is secret.

/// Part of a name, written without separators and in lower case, that makes its value secret.
const TELLING: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passin",
    "passout",
    "masterauth",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "encryptionkey",
    "authkey",
    "accountkey",
    "sharedkey",
    "masterkey",
    "signingkey",
    "storagekey",
    "credential",
    "authorization",
    "connectionstring",
    "cookie",
    "signature",
];

/// A whole part of a name, as in `DB_PWD`, that makes its value secret.
const TELLING_PARTS: &[&str] = &["pwd", "pw", "psk", "sig"];

/// Words that end like a part that makes a value secret, as in `DB_PASS` and `requirepass`, and mean something else.
const OTHER_PASSES: &[&str] = &["bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass"];

/// Whether a value of this name is secret: of a variable, a setting, a header, a member of JSON, a flag.
pub(super) fn is_telling(name: &str) -> bool {
    let whole: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    TELLING.iter().any(|telling| whole.contains(telling))
        || parts(name).iter().any(|part| {
            TELLING_PARTS.contains(&part.as_str()) || (part.ends_with("pass") && !OTHER_PASSES.contains(&part.as_str()))
        })
}

/// Whether a word speaks of a password, in a sentence.
pub(super) fn is_of_password(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    ["password", "passwd", "passphrase"].iter().any(|telling| word.contains(telling))
}

/// Characters of a name.
pub(super) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The parts of a name in lower case: between separators, and where a capital follows a small letter.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for char in name.chars() {
        if !char.is_ascii_alphanumeric() || (char.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            parts.push(String::new());
        }
        if char.is_ascii_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.push(char.to_ascii_lowercase());
        }
        before = char;
    }
    parts
}

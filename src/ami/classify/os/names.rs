//! Reads an operating system out of the name or description that an owner gave an image.
//!
//! The words of the text are gone through once, from left to right, and the first that names a
//! system decides. Patterns are those of the publishers' own naming, checked in the tests against
//! real names. What stands in no table stays unknown.

use super::OsFamily;
use crate::ami::classify::text::Text;

/// What a text says.
#[derive(Debug, PartialEq)]
pub(super) struct NameEvidence<'a> {
    pub(super) family: OsFamily,
    pub(super) distribution: &'static str,
    pub(super) version: Option<Text>,
    /// The word of the text that said it.
    pub(super) word: &'a str,
}

/// The words of a text: runs of letters, digits and dots.
#[derive(Clone)]
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    /// Goes by bytes, which is safe to cut at: all bytes of a word are ASCII, and so is the byte
    /// before it, while a character of several bytes begins and ends outside.
    fn next(&mut self) -> Option<&'a str> {
        let is_in_word = |byte: &u8| IN_WORD[usize::from(*byte)];
        let bytes = self.rest.as_bytes();
        let start = bytes.iter().position(is_in_word)?;
        let length = bytes[start..].iter().position(|byte| !is_in_word(byte)).unwrap_or(bytes.len() - start);
        let (word, rest) = self.rest.get(start..)?.split_at_checked(length)?;
        self.rest = rest;
        Some(word)
    }
}

/// Which bytes a word is made of.
static IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'.';
        byte += 1;
    }
    table
};

/// The system that `text` names, if it names one.
pub(super) fn read(text: &str) -> Option<NameEvidence<'_>> {
    let mut rest = Words { rest: text };
    while let Some(word) = rest.next() {
        if let Some((family, distribution, version)) = system(word, &rest) {
            return Some(NameEvidence { family, distribution, version, word });
        }
    }
    None
}

type System = (OsFamily, &'static str, Option<Text>);

/// The system that `word` names, given the words after it. By the first letter first, because most
/// words name none and a Region has a million of them.
fn system(word: &str, after: &Words<'_>) -> Option<System> {
    let after = || after.clone();
    let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
    let next_is = |wanted: &str| after().next().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    let linux = |distribution, version| Some((OsFamily::Linux, distribution, version));
    let bsd = |distribution| Some((OsFamily::Bsd, distribution, first_version(after())));
    match word.as_bytes().first()?.to_ascii_lowercase() {
        b'a' => amazon_and_others(word, &after()),
        b'b' if is("bottlerocket") => linux("Bottlerocket", after().find_map(v_version)),
        b'c' if is("centos") && next_is("stream") => linux("CentOS Stream", first_version(after())),
        b'c' if is("centos") => linux("CentOS", first_version(after())),
        b'c' if is("coreos") => linux("CoreOS Container Linux", first_version(after())),
        b'd' if is("debian") => linux("Debian", after().next().and_then(debian_version)),
        b'f' if is("fedora") && next_is("coreos") => linux("Fedora CoreOS", first_version(after())),
        b'f' if is("fedora") => linux("Fedora", first_version(after())),
        b'f' if is("flatcar") => linux("Flatcar", first_version(after())),
        b'f' if is("freebsd") => bsd("FreeBSD"),
        b'g' if is("gentoo") => linux("Gentoo", None),
        b'k' if is("kali") => linux("Kali Linux", first_version(after())),
        b'm' if is("macos") => Some((OsFamily::Macos, "macOS", first_version(after()))),
        b'n' if is("nixos") => linux("NixOS", first_version(after())),
        b'n' if is("netbsd") => bsd("NetBSD"),
        b'o' if is("opensuse") => linux("openSUSE", first_version(after())),
        b'o' if is("openbsd") => bsd("OpenBSD"),
        b'o' => {
            let version = after_prefix(word, "ol").filter(|version| version.contains('.') && is_version(version))?;
            linux("Oracle Linux", Some(Text::new(version)))
        }
        b'r' if is("rhel") => linux("Red Hat Enterprise Linux", first_version(after())),
        b'r' if is("rhcos") => linux("Red Hat Enterprise Linux CoreOS", first_version(after())),
        b'r' if is("rocky") => linux("Rocky Linux", first_version(after())),
        b's' if is("sles") => linux("SUSE Linux Enterprise Server", sles_version(after())),
        b's' if is("suse") && !after().take(3).any(|word| word.eq_ignore_ascii_case("sles")) => {
            linux("SUSE Linux Enterprise Server", sles_version(after()))
        }
        b't' if is("talos") => linux("Talos Linux", after().find_map(v_version)),
        b'u' if is("ubuntu") => linux("Ubuntu", after().find(|word| is_ubuntu_version(word)).map(Text::new)),
        b'w' if is("windows") && next_is("server") => {
            Some((OsFamily::Windows, "Windows Server", windows_version(after().skip(1))))
        }
        b'w' if is("windows") => {
            let version = after().next().filter(|word| is_version(word)).map(Text::new);
            Some((OsFamily::Windows, "Windows", version))
        }
        _ => None,
    }
}

/// The systems whose names begin with an `a`. Amazon Linux is also written with its version as one
/// word: `al2023`, `AmazonLinux2`.
fn amazon_and_others(word: &str, after: &Words<'_>) -> Option<System> {
    let after = || after.clone();
    let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
    let next_is = |wanted: &str| after().next().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    let linux = |distribution, version| Some((OsFamily::Linux, distribution, version));
    match word.len() {
        5 if is("amzn2") => linux("Amazon Linux", Some(Text::fixed("2"))),
        4 if is("amzn") && next_is("ami") => linux("Amazon Linux", Some(Text::fixed("1"))),
        6 if is("amazon") && next_is("linux") => linux("Amazon Linux", after().nth(1).and_then(amazon_linux_version)),
        9 if is("almalinux") => linux("AlmaLinux", first_version(after())),
        6 if is("alpine") => linux("Alpine Linux", first_version(after())),
        4 if is("arch") && next_is("linux") => linux("Arch Linux", None),
        9 if is("archlinux") => linux("Arch Linux", None),
        _ => {
            let year = after_prefix(word, "al").filter(|year| year.len() == 4 && year.starts_with("20"));
            let joined = match year {
                Some(year) => year.bytes().all(|byte| byte.is_ascii_digit()).then(|| Text::new(year)),
                None => after_prefix(word, "amazonlinux").and_then(amazon_linux_version),
            };
            joined.and_then(|version| linux("Amazon Linux", Some(version)))
        }
    }
}

/// What follows a prefix, whatever its case.
fn after_prefix<'a>(word: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = word.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `2`, or a year from 2022 on. Amazon Linux 1 says no number at this place.
fn amazon_linux_version(word: &str) -> Option<Text> {
    let year = word.len() == 4 && word.starts_with("202") && word.bytes().all(|byte| byte.is_ascii_digit());
    (word == "2" || year).then(|| Text::new(word))
}

/// Two digits, a dot, and April or October.
fn is_ubuntu_version(word: &str) -> bool {
    word.len() == 5
        && word.as_bytes()[..2].iter().all(u8::is_ascii_digit)
        && (word.ends_with(".04") || word.ends_with(".10"))
}

fn debian_version(word: &str) -> Option<Text> {
    const CODE_NAMES: [(&str, &str); 6] =
        [("jessie", "8"), ("stretch", "9"), ("buster", "10"), ("bullseye", "11"), ("bookworm", "12"), ("trixie", "13")];
    if let Some((_, version)) = CODE_NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        return Some(Text::fixed(version));
    }
    is_version(word).then(|| Text::new(word))
}

/// `15 SP5` from `15`, `sp5`.
fn sles_version<'a>(mut after: impl Iterator<Item = &'a str>) -> Option<Text> {
    let major = after.by_ref().find(|word| is_version(word))?;
    match after.next() {
        Some(pack) if pack.len() <= 4 && pack.get(..2).is_some_and(|sp| sp.eq_ignore_ascii_case("sp")) => {
            Some(format!("{major} {}", pack.to_ascii_uppercase()).into())
        }
        _ => Some(Text::new(major)),
    }
}

/// The year and R2 that follow `Windows Server`; `version 1709` for the semi-annual ones.
fn windows_version<'a>(mut after: impl Iterator<Item = &'a str>) -> Option<Text> {
    let mut first = after.next()?;
    if first.eq_ignore_ascii_case("version") {
        first = after.next()?;
    }
    if first.len() != 4 || !first.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    let second = after.next().is_some_and(|word| word.eq_ignore_ascii_case("R2"));
    Some(if second { format!("{first} R2").into() } else { Text::new(first) })
}

/// `1.16.1` from `v1.16.1`.
fn v_version(word: &str) -> Option<Text> {
    word.strip_prefix(['v', 'V']).filter(|version| version.contains('.') && is_version(version)).map(Text::new)
}

/// The first word that looks like a version, of the next few.
fn first_version<'a>(after: impl Iterator<Item = &'a str>) -> Option<Text> {
    const WORDS_LOOKED_AT: usize = 4;
    after.take(WORDS_LOOKED_AT).find(|word| is_version(word)).map(Text::new)
}

/// Digits and dots, beginning with at most four digits: no build date, no serial number.
fn is_version(word: &str) -> bool {
    let leading = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=4).contains(&leading) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !word.ends_with('.')
}

/// Adds the software that an image's name promises.
pub(super) fn software(name: &str, found: &mut Vec<&'static str>) {
    let mut previous_was_deep = false;
    for word in (Words { rest: name }) {
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
        let software = match (word.len(), word.as_bytes()[0].to_ascii_lowercase()) {
            (5, b'd') if is("dlami") => "Deep Learning AMI",
            (3, b'e') if is("ecs") => "Amazon ECS-optimized",
            (3, b'e') if is("eks") => "Amazon EKS-optimized",
            (3, b'g') if is("gpu") => "GPU support",
            (3, b'i') if is("inf") => "AWS Neuron",
            (6, b'n') if is("neuron") => "AWS Neuron",
            (8, b'l') if previous_was_deep && is("learning") => "Deep Learning AMI",
            (7, b'm') if is("minimal") => "minimal installation",
            (3, b'n') if is("nat") => "NAT instance",
            (15, b'p') if is("parallelcluster") => "AWS ParallelCluster",
            (3, b's') if is("sql") => "SQL Server",
            _ => "",
        };
        previous_was_deep = is("deep");
        if !software.is_empty() && !found.contains(&software) {
            found.push(software);
        }
    }
}

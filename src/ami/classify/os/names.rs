//! Reads an operating system out of the name or description that an owner gave an image.
//!
//! The words of the text are gone through once, from left to right, and the first that names a
//! system decides. Patterns are those of the publishers' own naming, checked in the tests against
//! real names. What stands in no table stays unknown.

use super::OsFamily;

/// What a text says.
#[derive(Debug, PartialEq)]
pub(super) struct NameEvidence<'a> {
    pub(super) family: OsFamily,
    pub(super) distribution: &'static str,
    pub(super) version: Option<String>,
    /// The word of the text that said it.
    pub(super) word: &'a str,
}

/// Longest word that can be in a table, in bytes.
const WORD_BYTES_MAX: usize = 16;

/// The words of a text: runs of letters, digits and dots.
fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.')).filter(|word| !word.is_empty())
}

/// The word in lower case, unless it is too long for any table.
fn lower<'b>(word: &str, buffer: &'b mut [u8; WORD_BYTES_MAX]) -> Option<&'b str> {
    let part = buffer.get_mut(..word.len())?;
    part.copy_from_slice(word.as_bytes());
    part.make_ascii_lowercase();
    std::str::from_utf8(part).ok()
}

/// The system that `text` names, if it names one.
pub(super) fn read(text: &str) -> Option<NameEvidence<'_>> {
    let mut rest = words(text);
    while let Some(word) = rest.next() {
        let mut buffer = [0; WORD_BYTES_MAX];
        let Some(lowered) = lower(word, &mut buffer) else { continue };
        if let Some((family, distribution, version)) = system(lowered, rest.clone()) {
            return Some(NameEvidence { family, distribution, version, word });
        }
    }
    None
}

type System = (OsFamily, &'static str, Option<String>);

/// The system that `word` names, given the words after it.
fn system<'a>(word: &str, after: impl Iterator<Item = &'a str> + Clone) -> Option<System> {
    let next = || after.clone().next();
    let next_is = |wanted: &str| next().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    let linux = |distribution, version| Some((OsFamily::Linux, distribution, version));
    match word {
        "amzn2" => linux("Amazon Linux", Some("2".to_owned())),
        "amzn" if next_is("ami") => linux("Amazon Linux", Some("1".to_owned())),
        "amazon" if next_is("linux") => linux("Amazon Linux", after.clone().nth(1).and_then(amazon_linux_version)),
        "ubuntu" => linux("Ubuntu", after.clone().find(|word| is_ubuntu_version(word)).map(str::to_owned)),
        "debian" => linux("Debian", next().and_then(debian_version)),
        "rhel" => linux("Red Hat Enterprise Linux", first_version(after)),
        "rhcos" => linux("Red Hat Enterprise Linux CoreOS", first_version(after)),
        "sles" => linux("SUSE Linux Enterprise Server", sles_version(after)),
        "opensuse" => linux("openSUSE", first_version(after)),
        "suse" if !after.clone().take(3).any(|word| word.eq_ignore_ascii_case("sles")) => {
            linux("SUSE Linux Enterprise Server", sles_version(after))
        }
        "rocky" => linux("Rocky Linux", first_version(after)),
        "almalinux" => linux("AlmaLinux", first_version(after)),
        "centos" if next_is("stream") => linux("CentOS Stream", first_version(after)),
        "centos" => linux("CentOS", first_version(after)),
        "fedora" if next_is("coreos") => linux("Fedora CoreOS", first_version(after)),
        "fedora" => linux("Fedora", first_version(after)),
        "flatcar" => linux("Flatcar", first_version(after)),
        "coreos" => linux("CoreOS Container Linux", first_version(after)),
        "bottlerocket" => linux("Bottlerocket", after.clone().find_map(v_version)),
        "talos" => linux("Talos Linux", after.clone().find_map(v_version)),
        "alpine" => linux("Alpine Linux", first_version(after)),
        "kali" => linux("Kali Linux", first_version(after)),
        "nixos" => linux("NixOS", first_version(after)),
        "gentoo" => linux("Gentoo", None),
        "arch" if next_is("linux") => linux("Arch Linux", None),
        "archlinux" => linux("Arch Linux", None),
        "freebsd" => Some((OsFamily::Bsd, "FreeBSD", first_version(after))),
        "openbsd" => Some((OsFamily::Bsd, "OpenBSD", first_version(after))),
        "netbsd" => Some((OsFamily::Bsd, "NetBSD", first_version(after))),
        "macos" => Some((OsFamily::Macos, "macOS", first_version(after))),
        "windows" if next_is("server") => Some((OsFamily::Windows, "Windows Server", windows_version(after.skip(1)))),
        "windows" => Some((OsFamily::Windows, "Windows", next().filter(|word| is_version(word)).map(str::to_owned))),
        _ => joined(word),
    }
}

/// Distributions that write name and version as one word: `al2023`, `AmazonLinux2`, `OL8.9`.
fn joined(word: &str) -> Option<System> {
    let linux = |distribution, version: &str| Some((OsFamily::Linux, distribution, Some(version.to_owned())));
    if let Some(version) = word.strip_prefix("al20")
        && version.len() == 2
        && version.bytes().all(|byte| byte.is_ascii_digit())
    {
        return linux("Amazon Linux", &word["al".len()..]);
    }
    if let Some(version) = word.strip_prefix("amazonlinux").and_then(amazon_linux_version) {
        return linux("Amazon Linux", &version);
    }
    let version = word.strip_prefix("ol").filter(|version| version.contains('.') && is_version(version))?;
    linux("Oracle Linux", version)
}

/// `2`, or a year from 2022 on. Amazon Linux 1 says no number at this place.
fn amazon_linux_version(word: &str) -> Option<String> {
    let year = word.len() == 4 && word.starts_with("202") && word.bytes().all(|byte| byte.is_ascii_digit());
    (word == "2" || year).then(|| word.to_owned())
}

/// Two digits, a dot, and April or October.
fn is_ubuntu_version(word: &str) -> bool {
    word.len() == 5
        && word.as_bytes()[..2].iter().all(u8::is_ascii_digit)
        && (word.ends_with(".04") || word.ends_with(".10"))
}

fn debian_version(word: &str) -> Option<String> {
    const CODE_NAMES: [(&str, &str); 6] =
        [("jessie", "8"), ("stretch", "9"), ("buster", "10"), ("bullseye", "11"), ("bookworm", "12"), ("trixie", "13")];
    if let Some((_, version)) = CODE_NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        return Some((*version).to_owned());
    }
    is_version(word).then(|| word.to_owned())
}

/// `15 SP5` from `15`, `sp5`.
fn sles_version<'a>(mut after: impl Iterator<Item = &'a str>) -> Option<String> {
    let major = after.by_ref().find(|word| is_version(word))?;
    match after.next() {
        Some(pack) if pack.len() <= 4 && pack.get(..2).is_some_and(|sp| sp.eq_ignore_ascii_case("sp")) => {
            Some(format!("{major} {}", pack.to_ascii_uppercase()))
        }
        _ => Some(major.to_owned()),
    }
}

/// The year and R2 that follow `Windows Server`; `version 1709` for the semi-annual ones.
fn windows_version<'a>(mut after: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut first = after.next()?;
    if first.eq_ignore_ascii_case("version") {
        first = after.next()?;
    }
    if first.len() != 4 || !first.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    let second = after.next().is_some_and(|word| word.eq_ignore_ascii_case("R2"));
    Some(if second { format!("{first} R2") } else { first.to_owned() })
}

/// `1.16.1` from `v1.16.1`.
fn v_version(word: &str) -> Option<String> {
    word.strip_prefix(['v', 'V']).filter(|version| version.contains('.') && is_version(version)).map(str::to_owned)
}

/// The first word that looks like a version, of the next few.
fn first_version<'a>(after: impl Iterator<Item = &'a str>) -> Option<String> {
    const WORDS_LOOKED_AT: usize = 4;
    after.take(WORDS_LOOKED_AT).find(|word| is_version(word)).map(str::to_owned)
}

/// Digits and dots, beginning with at most four digits: no build date, no serial number.
fn is_version(word: &str) -> bool {
    let leading = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=4).contains(&leading) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !word.ends_with('.')
}

/// Adds the software that an image's name promises.
pub(super) fn software(name: &str, found: &mut Vec<&'static str>) {
    let mut previous_was_deep = false;
    for word in words(name) {
        let mut buffer = [0; WORD_BYTES_MAX];
        let Some(lowered) = lower(word, &mut buffer) else { continue };
        let software = match lowered {
            "ecs" => "Amazon ECS-optimized",
            "eks" => "Amazon EKS-optimized",
            "dlami" => "Deep Learning AMI",
            "learning" if previous_was_deep => "Deep Learning AMI",
            "gpu" => "GPU support",
            "neuron" | "inf" => "AWS Neuron",
            "sql" => "SQL Server",
            "nat" => "NAT instance",
            "minimal" => "minimal installation",
            "parallelcluster" => "AWS ParallelCluster",
            _ => "",
        };
        previous_was_deep = lowered == "deep";
        if !software.is_empty() && !found.contains(&software) {
            found.push(software);
        }
    }
}

//! Names like those of the publishers that everybody launches from (CVE-2018-15869: whoever takes
//! the newest image of a name pattern, without an owner, launches whatever somebody put there).
//!
//! Names are compared after taking away what a hurried eye does not see: case, separators, and
//! letters that look alike. AMI names are ASCII (EC2 API Reference, CreateImage), so these are the
//! digits and `rn`. One slip of the pen counts too where the stem is long enough for that to mean
//! something. Deliberately not looked at: well-known words later in a name, as in `my-ubuntu-base`.

/// Fewest characters of a stem in which one slip is forgiven. In shorter ones it would make
/// another word of it.
const SLIP_STEM_CHARS_MIN: usize = 9;

/// A publisher's way to begin a name.
struct Stem {
    /// In the form that [`skeleton`] gives.
    skeleton: &'static str,
    publisher: &'static str,
    /// The publisher's documented account, where it may go without an owner alias.
    account: Option<&'static str>,
}

const fn stem(skeleton: &'static str, publisher: &'static str) -> Stem {
    Stem { skeleton, publisher, account: None }
}

const AMAZON_LINUX: &str = "Amazon Linux";

/// `0` is written `o`, `1` and `i` are written `l`, and `rn` is written `m`.
const STEMS: [Stem; 16] = [
    stem("al2o23-aml-", AMAZON_LINUX),
    stem("al2o22-aml-", AMAZON_LINUX),
    stem("amzn2-aml-", AMAZON_LINUX),
    stem("amzn-aml-", AMAZON_LINUX),
    stem("amazon-llnux-", AMAZON_LINUX),
    stem("amazon-eks-", "Amazon EKS"),
    stem("amazon-ecs-", "Amazon ECS"),
    stem("bottlerocket-aws-", "Bottlerocket"),
    stem("deep-leamlng-", "AWS Deep Learning AMIs"),
    stem("wlndows-server-", "Microsoft Windows Server by Amazon"),
    stem("ubuntu-lmages-", "Ubuntu by Canonical"),
    stem("ubuntu-", "Ubuntu by Canonical"),
    stem("rhel-", "Red Hat Enterprise Linux"),
    stem("suse-sles-", "SUSE Linux Enterprise Server"),
    // wiki.debian.org, "Cloud/AmazonEC2Image": Debian publishes as this account.
    Stem { skeleton: "deblan-l", publisher: "Debian", account: Some("136693071363") },
    // fedoraproject.org: Fedora publishes as this account.
    Stem { skeleton: "fedora-cloud-base-", publisher: "Fedora", account: Some("125523088429") },
];

/// Characters of a name that are looked at: the longest stem, and one that was slipped in.
const LOOKED_AT_CHARS_MAX: usize = 19;

/// The publisher whose names `name` is like, unless `owner` is that publisher's own account.
pub(super) fn publisher(name: &str, owner: &str) -> Option<&'static str> {
    let mut buffer = [0; LOOKED_AT_CHARS_MAX];
    let name = skeleton(name, &mut buffer);
    STEMS
        .iter()
        .find(|stem| begins_like(name, stem.skeleton.as_bytes()))
        .filter(|stem| stem.account != Some(owner))
        .map(|stem| stem.publisher)
}

/// The beginning of a name without what an eye overlooks: in lower case, runs of separators as one
/// `-`, and letters that look alike as one of them.
fn skeleton<'b>(name: &str, buffer: &'b mut [u8; LOOKED_AT_CHARS_MAX]) -> &'b [u8] {
    let mut length: usize = 0;
    for byte in name.bytes() {
        let last = length.checked_sub(1).and_then(|last| buffer.get_mut(last));
        let byte = match byte.to_ascii_lowercase() {
            b'0' => b'o',
            b'1' | b'i' => b'l',
            b'n' => {
                // `rn` reads as `m`.
                if let Some(last) = last
                    && *last == b'r'
                {
                    *last = b'm';
                    continue;
                }
                b'n'
            }
            letter if letter.is_ascii_alphanumeric() => letter,
            _ if last.is_none_or(|last| *last == b'-') => continue,
            _ => b'-',
        };
        let Some(place) = buffer.get_mut(length) else { break };
        *place = byte;
        length += 1;
    }
    &buffer[..length]
}

/// Whether `name` begins with `stem`, with at most one slip: a character left out, put in, changed,
/// or two that changed places. The first is never the slip.
fn begins_like(name: &[u8], stem: &[u8]) -> bool {
    let same = name.iter().zip(stem).take_while(|(name, stem)| name == stem).count();
    if same == stem.len() {
        return true;
    }
    if same == 0 || stem.len() < SLIP_STEM_CHARS_MIN {
        return false;
    }
    let (name, stem) = (&name[same..], &stem[same..]);
    let rest = |of: &[u8], from: usize, stem: &[u8]| of.get(from..).is_some_and(|of| of.starts_with(stem));
    let swapped = name.len() > 1 && stem.len() > 1 && name[0] == stem[1] && name[1] == stem[0];
    rest(name, 1, &stem[1..])
        || rest(name, 0, &stem[1..])
        || rest(name, 1, stem)
        || (swapped && rest(name, 2, &stem[2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_like_a_publishers_are_found_and_names_of_their_own_are_not() {
        const SOMEBODY: &str = "444455556666";
        let cases = [
            ("al2023-ami-2023.5.20240730.0-kernel-6.1-x86_64", Some(AMAZON_LINUX)),
            ("al2023_ami-2023.5", Some(AMAZON_LINUX)),
            ("AL2023 AMI 2023.5", Some(AMAZON_LINUX)),
            ("aI2O23-ami-2023.5", Some(AMAZON_LINUX)),
            ("amzn2-ami-hvm-2.0", Some(AMAZON_LINUX)),
            ("amazn2-ami-hvm-2.0", Some(AMAZON_LINUX)),
            ("amzn2-arni-hvm-2.0", Some(AMAZON_LINUX)),
            ("azmn2-ami-hvm-2.0", Some(AMAZON_LINUX)),
            ("amzn2_amihvm-2.0", Some(AMAZON_LINUX)),
            ("amz-ami-hvm-2018.03", Some(AMAZON_LINUX)),
            ("ubuntu/images-testing/hvm-ssd/ubuntu-noble", Some("Ubuntu by Canonical")),
            ("ubuntu_images/hvm", Some("Ubuntu by Canonical")),
            ("RHEL_9.4_HVM", Some("Red Hat Enterprise Linux")),
            ("Windows-Server-2022-English", Some("Microsoft Windows Server by Amazon")),
            ("debian-12-amd64-20240717", Some("Debian")),
            ("my-ubuntu-base", None),
            ("amazing-app-1", None),
            ("debian-buster-hand-made", None),
            ("alma-9", None),
            ("rhe-l", None),
            ("a", None),
            ("", None),
            ("---", None),
        ];
        for (name, expected) in cases {
            assert_eq!(publisher(name, SOMEBODY), expected, "{name}");
        }
        assert_eq!(publisher("debian-12-amd64-20240717", "136693071363"), None, "Debian itself has no alias");
    }

    #[test]
    fn stems_are_in_the_form_that_names_are_brought_into() {
        for stem in &STEMS {
            let mut buffer = [0; LOOKED_AT_CHARS_MAX];
            assert_eq!(skeleton(stem.skeleton, &mut buffer), stem.skeleton.as_bytes());
            assert!(stem.skeleton.len() < LOOKED_AT_CHARS_MAX, "{}", stem.skeleton);
        }
    }
}

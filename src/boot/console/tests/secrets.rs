//! No secret that can be told survives, wherever the tail is cut; and what is no secret stays readable.

use proptest::prelude::*;

use super::places::{PHRASES, PLACES, PREFIXES};
use super::*;

/// A secret of many characters, none of which is a quote, a space, or what parts a URL.
fn secrets() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[A-Za-z0-9][A-Za-z0-9+_!%^*.,~-]{10,40}[A-Za-z0-9]").unwrap()
}

/// A secret of any visible characters of ASCII but quotes, too long to be there by chance.
fn visible() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[!#-&(-_a-~]{12,40}").unwrap()
}

/// A console with a secret at a place, each line behind a log's prefix.
fn placed(place: &str, prefix: &str, secret: &str) -> String {
    let lines = place.replacen('@', secret, 1);
    let lines: Vec<String> = lines.lines().map(|line| format!("{prefix}{line}")).collect();
    lines.join("\n")
}

/// Lines as boots have them, and anything at all.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[    2.401733] systemd[1]: Detected virtualization amazon.".to_owned()),
        Just("\u{1b}[0;32m  OK  \u{1b}[0m] Reached target Basic System.".to_owned()),
        Just("ci-info: | eth0 | True | 10.0.0.12 | 255.255.255.0 | global | 02:42:ac:11:00:02 |".to_owned()),
        Just("ip-10-0-0-1 login: ".to_owned()),
        proptest::string::string_regex("[ -~]{0,80}").unwrap(),
        proptest::string::string_regex("\\PC{0,40}").unwrap(),
    ]
}

fn base64_lines(secret: &str) -> String {
    (0..20).map(|line| format!("{secret}{:0>60}\n", line * 7_919)).collect()
}

proptest! {
    #[test]
    fn no_secret_survives(
        place in proptest::sample::select(PLACES),
        prefix in proptest::sample::select(PREFIXES),
        secret in secrets(),
        before in proptest::collection::vec(noise(), 0..60),
        after in proptest::collection::vec(noise(), 0..100),
    ) {
        // What stands before may not open a quotation or an element: that would be another text.
        let place = placed(place, prefix, &secret);
        let console = format!("{}\n\n{place}\n{}", before.join("\n"), after.join("\n"));
        prop_assume!(console.matches(&secret).count() == 1);
        let tail = of(&console);
        prop_assert!(!tail.text.contains(&secret), "{}", tail.text);
    }

    #[test]
    fn no_visible_secret_survives(
        place in proptest::sample::select([PLACES, PHRASES].concat()),
        prefix in proptest::sample::select(PREFIXES),
        secret in visible(),
    ) {
        // What stands before the host of a URL is encoded.
        let secret = if place.contains("@@") { secret.replace(['/', '?', '#', '@'], "%") } else { secret };
        let text = of(&placed(place, prefix, &secret)).text;
        prop_assert!(!text.contains(&secret), "{}", text);
        prop_assert_eq!(&of(&text).text, &text);
    }

    #[test]
    fn no_private_key_survives_wherever_it_is_cut(
        secret in "[A-Za-z0-9]{12}",
        kind in proptest::sample::select(&["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK"][..]),
        has_beginning in any::<bool>(),
        has_end in any::<bool>(),
        prefix in proptest::sample::select(&["", "[   12.334019] cloud-init[412]: "][..]),
        after in 0_usize..120,
    ) {
        let body = base64_lines(&secret);
        let begin = if has_beginning { format!("-----BEGIN {kind}-----\n") } else { String::new() };
        let end = if has_end { format!("-----END {kind}-----\n") } else { String::new() };
        let key: String = format!("{begin}{body}{end}").lines().map(|line| format!("{prefix}{line}\n")).collect();
        let console = format!("boots\n{key}{}", "[    2.4] systemd[1]: Started Something.\n".repeat(after));
        // What has neither a beginning nor an end is known by its long lines, if these look drawn.
        prop_assume!(has_beginning || has_end || is_mixed(&secret));
        let text = of(&console).text;
        prop_assert!(!text.contains(&secret), "{text}");
    }

    #[test]
    fn a_tail_is_short_and_its_own_tail(lines in proptest::collection::vec(noise(), 1..80), long in 0_usize..6_000) {
        let console = format!("{}\n{}", lines.join("\n"), "x password='y' ".repeat(long / 15));
        let output = ConsoleOutput { taken: None, text: console };
        if let Some(tail) = ConsoleTail::of(&output) {
            prop_assert!(tail.text.len() <= TAIL_BYTES_MAX);
            prop_assert!(!tail.text.contains(|char: char| char.is_control() && char != '\n'));
            let again = ConsoleTail::of(&ConsoleOutput { taken: None, text: tail.text.clone() });
            prop_assert_eq!(again.map(|tail| tail.text), Some(tail.text));
        }
    }
}

/// Each shape behind each prefix, without the chance of a random test.
#[test]
fn each_shape_is_known_behind_each_prefix() {
    const SECRET: &str = "hunter2abc";
    const PHRASE: &str = "hunter2abc horse-battery";
    for prefix in PREFIXES {
        let phrases = PHRASES.iter().map(|place| (place, PHRASE));
        for (place, secret) in PLACES.iter().map(|place| (place, SECRET)).chain(phrases) {
            let text = of(&placed(place, prefix, secret)).text;
            assert!(secret.split(' ').all(|word| !text.contains(word)), "{place}: {text}");
            assert!(text.contains("[masked]"), "{text}");
            assert_eq!(of(&text).text, text, "{place}");
        }
    }
}

fn is_mixed(text: &str) -> bool {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count() >= 2;
    count(u8::is_ascii_lowercase) && count(u8::is_ascii_uppercase)
}

#[test]
fn credentials_are_known_by_their_shape() {
    for secret in [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "$6$rounds=4096$saltsalt$Xy0tHkfTj3rWwG9fYcOxTfPp1",
        "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    ] {
        let text = of(&format!("[   12.3] cloud-init[412]: got {secret} from somewhere")).text;
        assert_eq!(text.replace("[masked].", ""), "[   12.3] cloud-init[412]: got [masked] from somewhere");
    }
    let putty = "Private-Lines: 2\nAAABAQCk\nZz9=\nPrivate-MAC: 01";
    assert!(!of(putty).text.contains("AAABAQCk"));
    let windows =
        "<Username>Administrator</Username>\n<Password>\nfGqQ3bUnm2w==\nabcd\n</Password>\nWindows is Ready to use";
    assert_eq!(
        of(windows).text,
        "<Username>Administrator</Username>\n<Password>[masked]</Password>\nWindows is Ready to use"
    );
}

#[test]
fn what_is_no_secret_stays() {
    for line in [
        "[    0.000000] Command line: root=LABEL=/ console=tty0 console=ttyS0,115200n8 nvme_core.io_timeout=4294967295",
        "[    1.563102] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        "[  OK  ] Started Dispatch Password Requests to Console Directory Watch.",
        "[  OK  ] Reached target Basic System.",
        "Give root password for maintenance",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3jVmNHl0w5Nabcdefghij0123456789ABCD root@ip-10-0-0-1",
        "256 SHA256:Xy0tHkfTj3rWwG9fYcOxTfPp1Xy0tHkfTj3rWwG9fYc root@ip-10-0-0-1 (ED25519)",
        "util.py[WARNING]: Failed running /var/lib/cloud/instance/scripts/part-001 [1]",
        "Cloud-init v. 24.4 finished at Wed, 26 Nov 2026 12:00:00 +0000. Datasource DataSourceEc2Local.  Up 10.00 seconds",
        "ci-info: | eth0 | True | 10.0.0.12 | 255.255.255.0 | global | 02:42:ac:11:00:02 |",
        "https://example.com:8443/path?x=1",
        "users:\n  - name: ann\n    value: x\n    shell: |\n      /bin/bash",
        "echo hello | tee /etc/motd",
        "+ echo hello\n+ cat\n+ echo 'Your password changed'",
        "[    0.000000] Command line: root=LABEL=/ module.sig_enforce=[masked] console=ttyS0,115200n8 elfcorehdr=0x2f000000",
        "GET https://example.com/?token=[masked] HTTP/1.1 404",
        "+ docker run -e BYPASS=1 image",
        "cloud-init[412]: Administrator password:\ncloud-init[412]: was not set by anybody",
    ] {
        assert_eq!(of(line).text, line);
    }
}

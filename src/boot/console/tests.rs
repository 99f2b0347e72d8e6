//! Consoles as they are: what of them is shown, what never is, and what they say.

mod excerpts;
mod places;
mod secrets;
mod work;

use super::*;
use crate::clock::Timestamp;

fn of(text: &str) -> ConsoleTail {
    ConsoleTail::of(&ConsoleOutput { taken: None, text: text.to_owned() })
        .unwrap_or_else(|| panic!("{text:?} is empty"))
}

#[test]
fn a_tail_is_plain_text_with_the_digest_of_what_is_shown() {
    let taken = Some(Timestamp::from_second(1_795_000_000).unwrap());
    for nothing in ["", "\r\n \t\r\n", "\u{1b}[2J\u{1b}[01;01H"] {
        assert_eq!(ConsoleTail::of(&ConsoleOutput { taken, text: nothing.to_owned() }), None, "{nothing:?}");
    }
    let text = "\u{1b}[2J[\u{1b}[0;32m  OK  \u{1b}[0m] Started \u{1b}[0;1;39mNetwork\u{1b}[0m.\r\n\r\n\r\n\r\n\
                50%\r100%\u{7} \u{1b}]0;title\u{7}\u{1b}(B\u{202e}done\u{9b}1m\t!\r\n";
    let tail = ConsoleTail::of(&ConsoleOutput { taken, text: text.to_owned() }).unwrap();
    assert_eq!(tail.text, "[  OK  ] Started Network.\n\n50%\n100% done !");
    assert_eq!(tail.digest, ConsoleDigest { sha256: Sha256Digest::of(tail.text.as_bytes()), bytes: 42, taken });
}

#[test]
fn a_tail_is_the_last_lines_that_fit() {
    let lines: String = (0..1_000).map(|number| format!("line {number:03} of the console\n")).collect();
    let tail = of(&lines).text;
    assert!(tail.len() <= TAIL_BYTES_MAX && TAIL_BYTES_MAX - tail.len() < 24, "{}", tail.len());
    assert!(tail.starts_with("line ") && tail.ends_with("line 999 of the console"), "{tail}");
    let words = of(&"wörter ".repeat(2_000)).text;
    assert!(words.len() <= TAIL_BYTES_MAX && words.starts_with("wörter wörter"), "a long line is cut between words");
    assert_eq!(of(&"ö".repeat(5_000)).text, "[masked]", "part of a word may be part of a secret");
}

#[test]
fn the_last_boot_counts_and_in_it_what_ended_it() {
    let panic = "[    1.0] Kernel panic - not syncing: Fatal exception";
    let no_root = "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)";
    let boot = "[    0.000000] Linux version 6.12.40 (x86_64) #1 SMP";
    let login = "ip-10-0-0-1 login: ";
    let emergency = "You are in emergency mode. After logging in, type \"journalctl -xb\" to view";
    let network = "[FAILED] Failed to start Wait for Network to be Configured.";
    let script =
        "cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in /var/lib/cloud/instance/scripts)";
    // Of such a line only the beginning is shown.
    let interleaved = "+ export API_TOKEN=x[    9.1] Kernel panic - not syncing: Fatal exception";
    for (lines, expected) in [
        (&[boot, login][..], None),
        (&[boot, panic], Some(Symptom::KernelPanic)),
        (&[boot, login, panic], Some(Symptom::KernelPanic)),
        (&[boot, panic, "Rebooting in 10 seconds..", boot, login], None),
        (&[boot, panic, boot, network], Some(Symptom::Network)),
        (&[boot, no_root, panic], Some(Symptom::NoRootDevice)),
        (&[boot, panic, no_root], Some(Symptom::NoRootDevice)),
        (&[boot, emergency, login], None),
        (&[boot, script, login], Some(Symptom::CloudInit)),
        (&[boot, network, script, login], Some(Symptom::Network)),
        (&[boot, script, emergency], Some(Symptom::EmergencyMode)),
        (&["[    9.1] Oops: 0000 [#1] SMP", "Out of memory: Killed process 812 (java)"], None),
        // The dump's own kernel is no boot that counts.
        (&[boot, panic, boot, "Command line: elfcorehdr=0x2f000000 irqpoll", login], None),
        (&[boot, panic, boot, "Command line: elfcorehdr=0x2f000000 irqpoll"], Some(Symptom::KernelPanic)),
        (&[boot, interleaved], Some(Symptom::KernelPanic)),
    ] {
        let found = of(&lines.join("\r\n")).found.map(|found| found.symptom);
        assert_eq!(found, expected, "{lines:?}");
    }
}

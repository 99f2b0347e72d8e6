//! Tests of the pure parts: keys, requests, and a table of answers.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use proptest::prelude::{Strategy as _, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use signed_note::{Note, Verifier as _, VerifierList};

use super::exchange::{Asked, Response, Step};
use super::{
    AddError, BadAnswer, CheckpointNote, MalformedCheckpoint, NotCosigned, SIGNATURES_MAX, VkeyError, WitnessKey,
};

const NOW: i64 = 1_790_000_000;
const NAME: &str = "witness.example/w1";

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn vkey(name: &str, kind: u8, key: &[u8]) -> String {
    let typed = [&[kind], key].concat();
    format!("{name}+{:08x}+{}", signed_note::key_id(name, &typed), BASE64_STANDARD.encode(typed))
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key(name: &str, seed: u8) -> WitnessKey {
    vkey(name, 0x04, signing_key(seed).verifying_key().as_bytes()).parse().unwrap()
}

/// A checkpoint of `size` records, whose log signature nobody looks at here.
fn checkpoint(size: u64) -> CheckpointNote {
    let root = BASE64_STANDARD.encode([7; 32]);
    let signature = BASE64_STANDARD.encode([9; 68]);
    let note = format!("log.example\n{size}\n{root}\n\n\u{2014} log.example {signature}\n");
    CheckpointNote::parse(note.as_bytes()).unwrap()
}

fn line(name: &str, seed: u8, time: u64, over: &CheckpointNote) -> String {
    let text = std::str::from_utf8(over.text()).unwrap();
    let signature = signing_key(seed).sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
    let id = key(name, seed).key_id().to_be_bytes();
    let blob = [id.as_slice(), &time.to_be_bytes(), &signature.to_bytes()].concat();
    format!("\u{2014} {name} {}\n", BASE64_STANDARD.encode(blob))
}

fn judge(old: u64, checkpoint: &CheckpointNote, status: u16, kind: &str, body: &str) -> Result<Step, NotCosigned> {
    let content_type = (!kind.is_empty()).then(|| kind.to_owned());
    let response = Response { status, content_type, body: body.as_bytes().to_vec() };
    Asked { old, checkpoint }.judge(&response, &key(NAME, 2), now())
}

#[test]
fn a_key_is_refused_for_what_is_wrong_with_it() {
    let public = signing_key(2).verifying_key();
    let good = vkey(NAME, 0x04, public.as_bytes());
    assert_eq!(good.parse::<WitnessKey>().unwrap().to_string(), good);
    // The neutral element: any signature can be made to fit it.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let cases = [
        (vkey(NAME, 0x01, public.as_bytes()), VkeyError::LogKey),
        (vkey(NAME, 0x06, &[5; 1312]), VkeyError::MlDsa),
        (vkey(NAME, 0xff, public.as_bytes()), VkeyError::Type(0xff)),
        (vkey(NAME, 0x04, &neutral), VkeyError::Unusable),
        (vkey(NAME, 0x04, &public.as_bytes()[1..]), VkeyError::Unusable),
        (good.replace("w1", "w2"), VkeyError::Id),
        (vkey("wit ness", 0x04, public.as_bytes()), VkeyError::Malformed),
        (vkey("wit\u{1}ness", 0x04, public.as_bytes()), VkeyError::Malformed),
        (vkey("", 0x04, public.as_bytes()), VkeyError::Malformed),
        (format!("{NAME}++1234567+AA=="), VkeyError::Malformed),
        (format!("{good}\n"), VkeyError::Malformed),
        (String::new(), VkeyError::Malformed),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<WitnessKey>(), Err(error), "{text}");
    }
}

#[test]
fn the_request_is_what_the_protocol_says() {
    let checkpoint = checkpoint(12);
    let asked = Asked { old: 5, checkpoint: &checkpoint };
    let body = String::from_utf8(asked.body(&[[0; 32], [255; 32]]).unwrap()).unwrap();
    let (zeros, ones) = (format!("{}=", "A".repeat(43)), format!("{}8=", "/".repeat(42)));
    let note = String::from_utf8(checkpoint.to_bytes()).unwrap();
    assert_eq!(body, format!("old 5\n{zeros}\n{ones}\n\n{note}"));
    assert!(asked.body(&[[0; 32]; 63]).is_ok());
    assert!(asked.body(&[[0; 32]; 64]).is_err());
}

#[test]
fn every_answer_has_a_meaning() {
    let ours = checkpoint(12);
    let good = line(NAME, 2, NOW as u64, &ours);
    let size = "text/x.tlog.size";
    // From which size, the answer, and what comes of it.
    let cases = [
        (5, 200, "", good.as_str(), "cosigned"),
        (5, 201, "", good.as_str(), "other_status"),
        (5, 200, "", "", "bad_answer NotItsKey"),
        (5, 409, size, "7\n", "repeat 7"),
        (5, 409, "Text/X.Tlog.Size; charset=utf-8", "12\n", "repeat 12"),
        (5, 409, size, "0\n", "repeat 0"),
        (5, 409, size, "13\n", "behind"),
        (12, 409, size, "18446744073709551615\n", "behind"),
        (5, 409, size, "5\n", "bad_answer NoConflict"),
        (5, 409, size, "18446744073709551616\n", "bad_answer NoSize"),
        (5, 409, size, "07\n", "bad_answer NoSize"),
        (5, 409, size, "+7\n", "bad_answer NoSize"),
        (5, 409, size, "7", "bad_answer NoSize"),
        (5, 409, "text/plain", "7\n", "bad_answer NoSize"),
        (5, 409, "", "7\n", "bad_answer NoSize"),
        // The roots differ at the same size; the protocol gives this status to it as well.
        (12, 409, size, "12\n", "forked"),
        (12, 409, "text/plain", "other root\n", "forked"),
        (5, 422, "", "bad proof", "forked"),
        (0, 422, "", "bad proof", "bad_answer NothingToProve"),
        (5, 400, "", "", "request_refused"),
        (5, 403, "", "", "signature_refused"),
        (5, 404, "", "", "unknown_origin"),
        (5, 429, "", "", "unavailable"),
        (5, 500, "", "", "unavailable"),
        (5, 599, "", "", "unavailable"),
        (5, 302, "", "", "other_status"),
        (5, 405, "", "", "other_status"),
    ];
    for (old, status, kind, body, expected) in cases {
        let meaning = match judge(old, &ours, status, kind, body) {
            Ok(Step::Cosigned(_)) => "cosigned".to_owned(),
            Ok(Step::Repeat { from }) => format!("repeat {from}"),
            Err(NotCosigned::BadAnswer(bad)) => format!("bad_answer {bad:?}"),
            Err(other) => other.label().to_owned(),
        };
        assert_eq!(meaning, expected, "old {old}, {status} {kind} {body}");
    }
    let nothing = checkpoint(0);
    let error = judge(0, &nothing, 409, size, "0\n").unwrap_err();
    assert!(!error.is_alarm(), "nothing cannot differ from nothing: {error}");
}

#[test]
fn what_a_witness_says_is_quoted_and_kept_short() {
    let said = format!("no \u{1b}[31m\"such\"\u{7} log{}\r\nsecond line", "!".repeat(70_000));
    let error = judge(5, &checkpoint(12), 404, "", &said).unwrap_err().to_string();
    let words = format!("no [31m\"such\" log{}", "!".repeat(182));
    assert!(error.starts_with("the witness does not know this log: \"no [31m\\\"such\\\" log!!"), "{error}");
    assert!(error.len() < words.len() + 60 && !error.contains("second"), "{error}");
}

#[test]
fn a_cosignature_is_of_this_time() {
    let ours = checkpoint(12);
    let now = NOW as u64;
    let cases = [
        (now, "ok"),
        (now + 300, "ok"),
        (now + 301, "ahead"),
        (now - 86_400, "ok"),
        (now - 86_401, "stale"),
        (0, "stale"),
        (i64::MAX as u64, "ahead"),
        (i64::MAX as u64 + 1, "wrong"),
    ];
    for (time, expected) in cases {
        let found = match judge(5, &ours, 200, "", &line(NAME, 2, time, &ours)) {
            Ok(Step::Cosigned(cosignature)) => {
                assert_eq!(cosignature.time().as_second(), time as i64);
                "ok"
            }
            Err(NotCosigned::BadAnswer(BadAnswer::Ahead { .. })) => "ahead",
            Err(NotCosigned::BadAnswer(BadAnswer::Stale { .. })) => "stale",
            Err(NotCosigned::BadAnswer(BadAnswer::WrongSignature)) => "wrong",
            other => panic!("{time}: {other:?}"),
        };
        assert_eq!(found, expected, "{time}");
    }
}

fn cosignature(name: &str, seed: u8, time: u64, over: &CheckpointNote) -> super::Cosignature {
    let line = signed_note::Signature::from_bytes(line(name, seed, time, over).trim_end().as_bytes()).unwrap();
    key(name, seed).verify_line(over, &line).unwrap()
}

#[test]
fn a_checkpoint_takes_cosignatures_up_to_a_bound_and_one_of_each_key() {
    let bare = checkpoint(12);
    let mut full = bare.clone();
    for seed in 1..SIGNATURES_MAX as u8 {
        full.add(&cosignature(&format!("w{seed}"), seed, 1, &bare)).unwrap();
    }
    let lines = |note: &CheckpointNote| note.to_bytes().iter().filter(|&&byte| byte == b'\n').count() - 4;
    assert_eq!(lines(&full), SIGNATURES_MAX);
    assert_eq!(full.add(&cosignature("one.more", 99, 1, &bare)), Err(AddError::Full));
    let before = full.clone();
    full.add(&cosignature("w3", 3, 2, &bare)).unwrap();
    assert_eq!(lines(&full), SIGNATURES_MAX);
    assert_ne!(full, before);
    assert_eq!(full.add(&cosignature("w3", 3, 2, &checkpoint(13))), Err(AddError::OtherCheckpoint));
    let note = Note::from_bytes(&full.to_bytes()).unwrap();
    let known = VerifierList::new((1..16).map(|seed| Box::new(key(&format!("w{seed}"), seed)) as _).collect());
    assert_eq!(note.verify(&known).unwrap().0.len(), 15);
    assert_eq!(CheckpointNote::parse(&full.to_bytes()), Ok(full.clone()));
    let too_many = [full.to_bytes(), line("w99", 99, 1, &bare).into_bytes()].concat();
    assert_eq!(CheckpointNote::parse(&too_many), Err(MalformedCheckpoint));
}

proptest! {
    #[test]
    fn an_answer_never_passes_for_a_cosignature_by_chance(
        status in 100_u16..600,
        size_type in any::<bool>(),
        body in prop_oneof![any::<Vec<u8>>(), "[0-9]{1,3}\n".prop_map(String::into_bytes)],
        old in 0_u64..=12,
    ) {
        let ours = checkpoint(12);
        let content_type = size_type.then(|| "text/x.tlog.size".to_owned());
        let judged = Asked { old, checkpoint: &ours }
            .judge(&Response { status, content_type, body }, &key(NAME, 2), now());
        if let Ok(step) = judged {
            let repeats = matches!(step, Step::Repeat { from } if from <= 12 && status == 409);
            prop_assert!(repeats);
        }
    }

    #[test]
    fn a_changed_cosignature_is_none(place in 0_usize..76, bit in 0_u8..8) {
        let ours = checkpoint(12);
        let text = line(NAME, 2, NOW as u64, &ours);
        let (start, blob) = text.trim_end().rsplit_once(' ').unwrap();
        let mut blob = BASE64_STANDARD.decode(blob).unwrap();
        blob[place] ^= 1 << bit;
        let changed = format!("{start} {}\n", BASE64_STANDARD.encode(blob));
        let expected = if place < 4 { BadAnswer::NotItsKey } else { BadAnswer::WrongSignature };
        let found = match judge(5, &ours, 200, "", &changed) {
            Err(NotCosigned::BadAnswer(bad)) => Some(bad),
            _ => None,
        };
        prop_assert_eq!(found, Some(expected));
    }
}

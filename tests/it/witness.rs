//! Witnesses, over HTTP: growth, forks, rollbacks, lost answers, and answers made to do harm.

use std::convert::Infallible;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::SigningKey;
use gantry::audit::witness::{
    ANSWER_BYTES_MAX, BadAnswer, CheckpointNote, Cosigned, NotCosigned, TransportError, Witness, WitnessKey,
    WitnessedLog,
};
use gantry::clock::{SimClock, SystemClock, Timestamp};
use gantry::server::WitnessHttp;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, HashReader};

use crate::witness_double::{KnownLog, WitnessDouble};

const ORIGIN: &str = "gantry.example/audit";
const LOG_SEED: [u8; 32] = [1; 32];
const NOW: u64 = 1_790_000_000;

/// A log in memory, whose records are numbers.
struct Log {
    seed: [u8; 32],
    size: u64,
    hashes: Hashes,
}

struct Hashes(Vec<Hash>);

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
    }
}

impl Log {
    /// The records `records`.
    fn of(records: impl IntoIterator<Item = u64>) -> Self {
        let mut log = Self { seed: LOG_SEED, size: 0, hashes: Hashes(Vec::new()) };
        log.append(records);
        log
    }

    fn append(&mut self, records: impl IntoIterator<Item = u64>) {
        for record in records {
            let new = tlog_tiles::stored_hashes(self.size, &record.to_be_bytes(), &self.hashes).unwrap();
            self.hashes.0.extend(new);
            self.size += 1;
        }
    }

    fn text(&self) -> String {
        let root = tlog_tiles::tree_hash(self.size, &self.hashes).unwrap();
        String::from_utf8(Checkpoint::new(ORIGIN, self.size, root, "").unwrap().to_bytes()).unwrap()
    }

    fn vkey(&self) -> String {
        signed_note::new_ed25519_verifier_key(ORIGIN, &SigningKey::from_bytes(&self.seed).verifying_key())
    }
}

impl WitnessedLog for Log {
    type Error = Infallible;

    async fn latest_checkpoint(&self) -> Result<CheckpointNote, Infallible> {
        let id = self.vkey().split('+').nth(1).unwrap().to_owned();
        let key = BASE64_STANDARD.encode([&[0x01], self.seed.as_slice()].concat());
        let signer = StandardSigner::new(&format!("PRIVATE+KEY+{ORIGIN}+{id}+{key}")).unwrap();
        let mut note = Note::new(self.text().as_bytes(), &[]).unwrap();
        note.add_sigs(&[&signer]).unwrap();
        Ok(CheckpointNote::parse(&note.to_bytes()).unwrap())
    }

    async fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<[u8; 32]>, Infallible> {
        Ok(tlog_tiles::prove_tree(new, old, &self.hashes).unwrap().into_iter().map(|hash| hash.0).collect())
    }
}

/// A witness that knows the log, and our side of it.
struct World {
    double: WitnessDouble,
    http: WitnessHttp,
    witness: Witness,
    clock: SimClock,
}

impl World {
    async fn new() -> Self {
        Self::with_origin(ORIGIN).await
    }

    async fn with_origin(origin: &str) -> Self {
        let key = SigningKey::from_bytes(&LOG_SEED).verifying_key();
        let logs = vec![KnownLog { origin: origin.to_owned(), key }];
        let double = WitnessDouble::start("witness.example/w1", [2; 32], logs, NOW).await;
        let http = WitnessHttp::new(&double.url(), Arc::new(SystemClock::new())).unwrap();
        let witness = Witness::new(double.vkey().parse().unwrap());
        let clock = SimClock::new(Timestamp::from_second(i64::try_from(NOW).unwrap()).unwrap());
        Self { double, http, witness, clock }
    }

    async fn ask(&mut self, log: &Log) -> Result<Cosigned, NotCosigned> {
        self.witness.cosign_once(log, &self.http, &self.clock).await
    }

    /// Forgets what the witness has, as a new process does.
    fn restart(&mut self) {
        self.witness = Witness::new(self.witness.key().clone());
    }
}

/// The sizes that the witness was asked from.
fn asked(world: &World) -> Vec<String> {
    world.double.take_asked()
}

#[tokio::test]
async fn a_growing_log_is_cosigned_from_nothing_on() {
    let mut world = World::new().await;
    let mut log = Log::of([]);
    let key: WitnessKey = world.double.vkey().parse().unwrap();
    let mut from = 0;
    for records in [1, 1, 5, 1, 0, 249, 300] {
        log.append(log.size..log.size + records);
        world.double.set_time(NOW + log.size % 60);
        let Cosigned { mut checkpoint, cosignature } = world.ask(&log).await.unwrap();
        assert_eq!(asked(&world), [format!("old {from}")]);
        assert_eq!((checkpoint.size(), world.double.cosigned(ORIGIN)), (log.size, log.size));
        assert_eq!(cosignature.time().as_second(), i64::try_from(NOW + log.size % 60).unwrap());
        // Others verify the whole note with both keys.
        checkpoint.add(&cosignature).unwrap();
        let note = Note::from_bytes(&checkpoint.to_bytes()).unwrap();
        let log_key = StandardVerifier::new(&log.vkey()).unwrap();
        let known = VerifierList::new(vec![Box::new(log_key), Box::new(key.clone())]);
        let (verified, unverified) = note.verify(&known).unwrap();
        assert_eq!((verified.len(), unverified.len()), (2, 0));
        from = log.size;
    }
}

#[tokio::test]
async fn every_growth_of_a_small_log_is_proved_after_a_restart() {
    for old in 1..=17 {
        let mut world = World::new().await;
        let mut log = Log::of(0..old);
        world.ask(&log).await.unwrap();
        for new in old..=20 {
            log.append(log.size..new);
            let before = world.double.cosigned(ORIGIN);
            world.restart();
            asked(&world);
            assert_eq!(world.ask(&log).await.unwrap().checkpoint.size(), new);
            assert_eq!(asked(&world), ["old 0".to_owned(), format!("old {before}")]);
        }
    }
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_an_alarm() {
    for (size, status) in [(10, "another root"), (11, "proof"), (40, "proof")] {
        let mut world = World::new().await;
        world.ask(&Log::of(0..10)).await.unwrap();
        let rewritten = Log::of((0..9).chain(100..100 + size - 9));
        for _ in 0..2 {
            let error = world.ask(&rewritten).await.unwrap_err();
            assert!(matches!(&error, NotCosigned::Forked { size: 10, .. }), "{error}");
            assert!(error.is_alarm() && error.to_string().contains(status), "{error}");
            world.restart();
        }
        assert_eq!(world.double.cosigned(ORIGIN), 10);
        // The true log is still welcome.
        world.ask(&Log::of(0..12)).await.unwrap();
    }
}

#[tokio::test]
async fn a_log_that_was_set_back_is_an_alarm() {
    let mut world = World::new().await;
    world.ask(&Log::of(0..10)).await.unwrap();
    // The second time as by a process that was started on the old directory.
    for _ in 0..2 {
        let error = world.ask(&Log::of(0..7)).await.unwrap_err();
        assert!(matches!(error, NotCosigned::Behind { witness: 10, ours: 7 }) && error.is_alarm(), "{error}");
        world.restart();
    }
    // It stays one until there are as many records, and then they have to be the same.
    let error = world.ask(&Log::of((0..7).chain(50..60))).await.unwrap_err();
    assert!(matches!(error, NotCosigned::Forked { size: 10, .. }), "{error}");
    world.ask(&Log::of(0..11)).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_made_up_for() {
    let mut world = World::new().await;
    let mut log = Log::of(0..3);
    world.double.lose_an_answer();
    let error = world.ask(&log).await.unwrap_err();
    assert!(matches!(error, NotCosigned::Unreachable(TransportError::Failed(_))), "{error}");
    assert_eq!(world.double.cosigned(ORIGIN), 3);
    for size in [3, 8] {
        log.append(log.size..size);
        world.double.lose_an_answer();
        world.ask(&log).await.unwrap_err();
        asked(&world);
        world.ask(&log).await.unwrap();
        assert_eq!(asked(&world).last().unwrap(), &format!("old {size}"));
    }
}

#[tokio::test]
async fn a_witness_that_does_not_know_the_log_or_its_key_says_so() {
    let mut elsewhere = World::with_origin("other.example/log").await;
    let error = elsewhere.ask(&Log::of(0..3)).await.unwrap_err();
    assert!(matches!(error, NotCosigned::UnknownOrigin { .. }), "{error}");

    let mut world = World::new().await;
    let stranger = Log { seed: [9; 32], ..Log::of(0..3) };
    let error = world.ask(&stranger).await.unwrap_err();
    assert!(matches!(error, NotCosigned::SignatureRefused { .. }), "{error}");
    assert_eq!(world.double.cosigned(ORIGIN), 0);
}

#[tokio::test]
async fn answers_that_are_made_up_change_nothing() {
    let mut world = World::new().await;
    let log = Log::of(0..5);
    let text = log.text();
    let (own, other) = (world.double.signing_key().clone(), SigningKey::from_bytes(&[7; 32]));
    let forge = |key: &SigningKey, id, time, text: &str| world.double.forge(key, id, time, text).into_bytes();
    let good = forge(&own, None, NOW, &text);
    let wrong_id = forge(&own, Some([0; 4]), NOW, &text);
    let cases: Vec<(Vec<u8>, BadAnswer)> = vec![
        (forge(&other, None, NOW, &text), BadAnswer::WrongSignature),
        (forge(&own, None, NOW, &Log::of(0..4).text()), BadAnswer::WrongSignature),
        ([good.clone(), forge(&other, None, NOW, &text)].concat(), BadAnswer::WrongSignature),
        (wrong_id, BadAnswer::NotItsKey),
        (Vec::new(), BadAnswer::NotItsKey),
        (b"<html>It works!</html>\n".to_vec(), BadAnswer::Malformed),
        (vec![0xff; ANSWER_BYTES_MAX], BadAnswer::Malformed),
        (good[..good.len() - 1].to_vec(), BadAnswer::Malformed),
        ([good.clone(), b"\n".to_vec()].concat(), BadAnswer::Malformed),
    ];
    for (body, expected) in cases {
        world.double.answer_instead(200, "text/plain", body);
        let error = world.ask(&log).await.unwrap_err();
        assert!(matches!(&error, NotCosigned::BadAnswer(bad) if *bad == expected), "{error:?}, not {expected:?}");
    }
    for status in [200, 409, 500] {
        world.double.answer_instead(status, "text/x.tlog.size", vec![b'1'; ANSWER_BYTES_MAX + 1]);
        let error = world.ask(&log).await.unwrap_err();
        assert!(matches!(error, NotCosigned::Unreachable(TransportError::TooLong)), "{error:?}");
    }
    world.double.answer_instead(307, "text/plain", "");
    let error = world.ask(&log).await.unwrap_err();
    assert!(matches!(error, NotCosigned::OtherStatus { status: 307, .. }), "{error:?}");
    // None of it was taken for a size, and a true answer is still one.
    asked(&world);
    world.ask(&log).await.unwrap();
    assert_eq!(asked(&world), ["old 0"]);
}

#[tokio::test]
async fn a_witness_that_never_agrees_is_asked_twice() {
    let mut world = World::new().await;
    for size in ["2\n", "3\n"] {
        world.double.answer_instead(409, "text/x.tlog.size", size);
    }
    let error = world.ask(&Log::of(0..5)).await.unwrap_err();
    assert!(matches!(error, NotCosigned::Moving { size: 3 }), "{error}");
    assert_eq!(asked(&world), ["old 0", "old 2"]);
    // What it said last is where it is asked from next; it has nothing, so that is corrected too.
    world.ask(&Log::of(0..5)).await.unwrap();
    assert_eq!(asked(&world), ["old 3", "old 0"]);
}

#[tokio::test]
async fn a_witness_that_is_not_there_or_does_not_answer_is_not_waited_for() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    let clock = SimClock::new(Timestamp::UNIX_EPOCH);
    let http = WitnessHttp::new(&format!("http://{address}"), Arc::new(clock.clone())).unwrap();
    let mut witness = Witness::new(World::new().await.witness.key().clone());
    let log = Log::of(0..1);
    let (error, ()) = tokio::join!(Box::pin(witness.cosign_once(&log, &http, &clock)), async {
        clock.until_sleepers(1).await;
        clock.advance(std::time::Duration::from_secs(10));
    });
    assert!(matches!(error, Err(NotCosigned::Unreachable(TransportError::TimedOut))), "{error:?}");
    drop(silent);
    let error = witness.cosign_once(&log, &http, &clock).await;
    assert!(matches!(error, Err(NotCosigned::Unreachable(TransportError::Failed(_)))), "{error:?}");
}

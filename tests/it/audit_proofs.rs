//! The log as others check it: checkpoints, proofs, tails, exports, and the verification of all of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ed25519_dalek::VerifyingKey;
use gantry::api::pb;
use gantry::audit::verify::{Leaf, Leaves, SourceFault, Trust, verify};
use gantry::clock::{Clock as _, SimClock, SystemClock, Timestamp};
use gantry::config::WitnessConfig;
use gantry::sandbox::landmarks;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::witness_double::{KnownLog, WitnessDouble};
use crate::world::{World, launch_request};

/// A world in which some launches were asked for.
async fn with_records() -> World {
    let world = World::start().await;
    for number in 0..6 {
        let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", &format!("r-{number}"));
        let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
        // While time stands still that is all that is recorded of it, and the log grows no more.
        let request = pb::GetLaunchRequest { launch_id: launch.launch_id };
        while world.launches().get_launch(request.clone()).await.unwrap().into_inner().instances[0].phase()
            != pb::BootPhase::Pending
        {}
    }
    world
}

fn root(hash: &[u8], size: u64) -> RootHash<Sha256> {
    RootHash::new(<[u8; 32]>::try_from(hash).unwrap().into(), size)
}

async fn checkpoint(world: &World) -> pb::GetCheckpointResponse {
    world.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await.unwrap().into_inner()
}

async fn leaf(world: &World, index: u64) -> Vec<u8> {
    let request = pb::GetRecordRequest { index, ..Default::default() };
    world.audit().get_record(request).await.unwrap().into_inner().leaf
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_proved_to_be_in_the_log_that_is_signed() {
    let world = with_records().await;
    let info = world.audit().get_log_info(pb::GetLogInfoRequest {}).await.unwrap().into_inner().logs.remove(0);
    let head = checkpoint(&world).await;
    let note = Note::from_bytes(&head.checkpoint).unwrap();
    let verifier = StandardVerifier::new(&info.verifier_keys[0]).unwrap();
    assert_eq!(note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap().0.len(), 1);
    let text = String::from_utf8(note.text().to_vec()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines[1]), (&*info.origin, &*head.size.to_string()));

    for index in 0..head.size {
        let request = pb::GetInclusionProofRequest { index, tree_size: head.size, ..Default::default() };
        let proof = world.audit().get_inclusion_proof(request).await.unwrap().into_inner();
        // Another implementation than the one that made it.
        let path = InclusionProof::<Sha256>::try_from_bytes(proof.hashes.concat()).unwrap();
        root(&head.root_hash, head.size).verify_inclusion(&leaf(&world, index).await, index, &path).unwrap();
        let mut forged = leaf(&world, index).await;
        forged.push(b' ');
        assert!(root(&head.root_hash, head.size).verify_inclusion(&forged, index, &path).is_err());
        assert!(proof.tlog_proof.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
        assert!(proof.tlog_proof.ends_with(std::str::from_utf8(&head.checkpoint).unwrap()));
    }
    let last = head.size;
    for (index, tree_size) in [(last, last), (0, last + 1000)] {
        let request = pb::GetInclusionProofRequest { index, tree_size, ..Default::default() };
        let status = world.audit().get_inclusion_proof(request).await.unwrap_err();
        assert_eq!(status.code(), Code::OutOfRange);
        assert_eq!(status.get_details_error_info().unwrap().reason, "TREE_SIZE_OUT_OF_RANGE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_size_of_the_log_is_proved_to_be_its_beginning() {
    let world = with_records().await;
    let new_size = checkpoint(&world).await.size;
    for old_size in 0..=new_size {
        let request = pb::GetConsistencyProofRequest { old_size, new_size, ..Default::default() };
        let proof = world.audit().get_consistency_proof(request).await.unwrap().into_inner();
        let (old, new) = (root(&proof.old_root_hash, old_size), root(&proof.new_root_hash, new_size));
        match old_size {
            0 => assert!(proof.hashes.is_empty()),
            old_size if old_size == new_size => assert_eq!(proof.old_root_hash, proof.new_root_hash),
            _ => {
                let path = ConsistencyProof::<Sha256>::try_from_bytes(proof.hashes.concat()).unwrap();
                new.verify_consistency(&old, &path).unwrap();
            }
        }
    }
    let request = pb::GetConsistencyProofRequest { old_size: new_size + 5, ..Default::default() };
    let status = world.audit().get_consistency_proof(request).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "TREE_SIZE_OUT_OF_RANGE");
    let request = pb::GetConsistencyProofRequest { old_size: 3, new_size: 2, ..Default::default() };
    assert_eq!(world.audit().get_consistency_proof(request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_replays_and_then_follows_and_misses_nothing() {
    let world = with_records().await;
    let tail = |start_index| pb::TailRecordsRequest { start_index, ..Default::default() };
    let mut all = world.audit().tail_records(tail(Some(0))).await.unwrap().into_inner();
    let mut decisions = {
        let request = pb::TailRecordsRequest { kind: pb::RecordKind::Decision.into(), ..tail(Some(3)) };
        world.audit().tail_records(request).await.unwrap().into_inner()
    };
    let mut new = world.audit().tail_records(tail(None)).await.unwrap().into_inner();
    let size = checkpoint(&world).await.size;
    let request = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-refused");
    world.launches().launch_instances(request).await.unwrap_err();

    let mut indexes = Vec::new();
    while indexes.last().is_none_or(|&last| last < size) {
        indexes.push(all.message().await.unwrap().unwrap().record.unwrap().index);
    }
    assert_eq!(indexes, (0..=size).collect::<Vec<_>>());
    let refused = new.message().await.unwrap().unwrap().record.unwrap();
    assert_eq!(refused.verdict(), pb::DecisionVerdict::Refused);
    loop {
        let record = decisions.message().await.unwrap().unwrap().record.unwrap();
        assert!(record.kind() == pb::RecordKind::Decision && 3 <= record.index);
        if record.index == refused.index {
            break;
        }
    }
    let status = world.audit().tail_records(tail(Some(1_000_000))).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "CURSOR_AHEAD");
    // It ends with the server, and says that.
    let stopping = tokio::spawn(world.running.stop());
    let status = loop {
        match all.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a tail does not end by itself"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    stopping.await.unwrap().unwrap();
}

async fn export(world: &World, request: pb::ExportRecordsRequest) -> (Vec<u8>, u64) {
    let mut chunks = world.audit().export_records(request).await.unwrap().into_inner();
    let (mut bytes, mut next) = (Vec::new(), 0);
    while let Some(answer) = chunks.message().await.unwrap() {
        assert!(answer.chunk.len() <= 64 << 10 && next <= answer.next_index);
        bytes.extend(answer.chunk);
        next = answer.next_index;
    }
    (bytes, next)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_the_leaves_and_goes_on_where_one_ended() {
    let world = with_records().await;
    let size = checkpoint(&world).await.size;
    let jsonl = |start_index, end_index| pb::ExportRecordsRequest {
        format: pb::ExportFormat::Jsonl.into(),
        start_index,
        end_index,
        ..Default::default()
    };
    let (all, next) = export(&world, jsonl(0, size)).await;
    assert_eq!(next, size);
    let lines: Vec<_> = all.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len() as u64, size + 1);
    for index in 0..size {
        assert_eq!(lines[index as usize], leaf(&world, index).await);
    }
    let (first, next) = export(&world, jsonl(0, size / 2)).await;
    let (second, _) = export(&world, jsonl(next, size)).await;
    assert!([first, second].concat() == all);
    let nothing = pb::ExportRecordsRequest { end_time: Some(Default::default()), ..jsonl(0, size) };
    assert_eq!(export(&world, nothing).await, (Vec::new(), size));

    let (events, _) =
        export(&world, pb::ExportRecordsRequest { format: pb::ExportFormat::Ocsf.into(), ..jsonl(0, size) }).await;
    let events: Vec<serde_json::Value> = events
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(events.len() as u64, size);
    assert!(events.iter().all(|event| event["class_uid"] == 6003));

    let status = world.audit().export_records(pb::ExportRecordsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let status = world.audit().export_records(jsonl(0, size + 1000)).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "CURSOR_AHEAD");
}

/// Leaves that are all there.
struct Given(Vec<Leaf>);

impl Leaves for Given {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        Ok(std::mem::take(&mut self.0))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_really_writes_keeps_every_rule_of_the_verification() {
    let world = with_records().await;
    let kept = checkpoint(&world).await.checkpoint;
    let launches = world.launches().list_launches(pb::ListLaunchesRequest::default()).await.unwrap().into_inner();
    for launch in &launches.launches[..2] {
        let request = pb::TerminateLaunchRequest {
            launch_id: launch.launch_id.clone(),
            reason: "test".to_owned(),
            request_id: format!("t-{}", launch.launch_id),
            ..Default::default()
        };
        world.launches().terminate_launch(request).await.unwrap();
    }
    let request = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-refused");
    world.launches().launch_instances(request).await.unwrap_err();
    let world = world.restart().await;
    let head = checkpoint(&world).await;
    let mut leaves = Vec::new();
    for index in 0..head.size {
        leaves.push(leaf(&world, index).await);
    }
    let info = world.audit().get_log_info(pb::GetLogInfoRequest {}).await.unwrap().into_inner().logs.remove(0);
    let trust = Trust::new(&info.verifier_keys, None).unwrap();
    let judged = |leaves: Vec<Vec<u8>>| {
        let mut given = Given(leaves.into_iter().map(Leaf::Kept).collect());
        verify(&mut given, &head.checkpoint, std::slice::from_ref(&kept), &trust)
    };
    let report = judged(leaves.clone());
    assert!(report.is_sound(), "{:?}", report.failures);
    assert_eq!((report.records, report.kept_matched.len()), (head.size, 1));
    leaves.swap(3, 4);
    assert!(!judged(leaves).is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_witnesses_cosign_what_the_log_has_become() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_in(&dir.path().join("data"), clock.clone()).await;
    let info = world.audit().get_log_info(pb::GetLogInfoRequest {}).await.unwrap().into_inner().logs.remove(0);
    world.running.stop().await.unwrap();
    let public = BASE64_STANDARD.decode(info.verifier_keys[0].splitn(3, '+').last().unwrap()).unwrap();
    let key = VerifyingKey::from_bytes(public[1..].try_into().unwrap()).unwrap();
    let now = u64::try_from(SystemClock::new().now().as_second()).unwrap();
    let double =
        WitnessDouble::start("witness.example", [9; 32], vec![KnownLog { origin: info.origin, key }], now).await;
    let world = World::start_with(&dir.path().join("data"), clock, |config| {
        config.audit.witnesses = vec![WitnessConfig { url: double.url(), key: double.vkey() }];
    })
    .await;
    let note = loop {
        let head = checkpoint(&world).await;
        if !head.cosigned_checkpoint.is_empty() {
            break String::from_utf8(head.cosigned_checkpoint).unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(note.lines().filter(|line| line.starts_with('\u{2014}')).count(), 2, "{note}");
}

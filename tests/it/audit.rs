//! What is on record, over the wire.

use gantry::api::pb;
use gantry::ids::Sha256Digest;
use gantry::sandbox::landmarks;
use sha2::{Digest, Sha256};
use tonic::Code;

use crate::world::{World, launch_request};

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_and_their_leaves_are_what_was_hashed() {
    let world = World::start().await;
    let good = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = world.launches().launch_instances(good).await.unwrap().into_inner();
    let bad = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-2");
    world.launches().launch_instances(bad).await.unwrap_err();

    let list = |request: pb::ListRecordsRequest| {
        let mut audit = world.audit();
        async move { audit.list_records(request).await.unwrap().into_inner() }
    };
    let refused = list(pb::ListRecordsRequest {
        kind: pb::RecordKind::Decision.into(),
        verdict: pb::DecisionVerdict::Refused.into(),
        ..Default::default()
    })
    .await;
    assert_eq!(refused.records.len(), 1);
    assert_eq!(refused.records[0].image_id, landmarks::HVM_WITHOUT_ENA);
    let of_instance =
        list(pb::ListRecordsRequest { instance_id: launch.instances[0].instance_id.clone(), ..Default::default() })
            .await;
    assert!(of_instance.records.iter().any(|record| record.kind() == pb::RecordKind::AttemptSucceeded));

    let mut request = pb::ListRecordsRequest { page_size: 2, order_by: "index".to_owned(), ..Default::default() };
    let mut indexes = Vec::new();
    loop {
        let page = list(request.clone()).await;
        indexes.extend(page.records.iter().map(|record| record.index));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(indexes, (0..indexes.len() as u64).collect::<Vec<_>>(), "every record once, in order");

    for index in indexes {
        let request = pb::GetRecordRequest { index, ..Default::default() };
        let record = world.audit().get_record(request).await.unwrap().into_inner();
        let leaf = [&[0][..], &record.leaf].concat();
        assert_eq!(record.leaf_hash, Sha256::digest(leaf).to_vec(), "RFC 6962 section 2.1");
        let json: serde_json::Value = serde_json::from_slice(&record.leaf).unwrap();
        assert_eq!(json["v"], 1);
    }
    let request = pb::GetRecordRequest { index: 10_000, ..Default::default() };
    assert_eq!(world.audit().get_record(request).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_holds_what_it_was_made_from() {
    let world = World::start().await;
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().user_data = b"#!/bin/sh".to_vec();
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let request = pb::ListRecordsRequest {
        launch_id: launch.launch_id,
        kind: pb::RecordKind::Decision.into(),
        ..Default::default()
    };
    let index = world.audit().list_records(request).await.unwrap().into_inner().records[0].index;
    let request = pb::GetRecordRequest { index, ..Default::default() };
    let leaf = world.audit().get_record(request).await.unwrap().into_inner().leaf;
    let decision: serde_json::Value = serde_json::from_slice(&leaf).unwrap();
    assert_eq!(decision["principal"], "local");
    assert_eq!(decision["image_facts"]["image_id"], landmarks::AMAZON_LINUX_2023_X86_64);
    assert_eq!(decision["image_facts"]["architecture"], "x86_64");
    assert_eq!(decision["type_facts"][0]["instance_type"], "m7i.large");
    assert_eq!(decision["spec"]["user_data_sha256"], Sha256Digest::of(b"#!/bin/sh").to_string());
    assert_eq!(decision["reason"], "integration test");
}

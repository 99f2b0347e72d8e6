//! Which values leave a spec, and that all of it comes back.

use super::*;
use crate::launch::tests::{least_spec, request_of};
use crate::record::{ImageSelector, SelectorFilter};

fn redaction(keys: &[&str]) -> (Redaction, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    (Redaction::open(dir.path(), &keys, Timestamp::UNIX_EPOCH).unwrap(), dir)
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn filter(name: &str, value: &str) -> SelectorFilter {
    SelectorFilter { name: name.to_owned(), values: vec![value.to_owned()] }
}

#[test]
fn keys_match_as_ec2_has_them() {
    let (redaction, _dir) = redaction(&["email", "owner*", "cost-?", r"literal\*"]);
    for (key, expected) in [
        ("email", true),
        ("Email", false),
        ("email2", false),
        ("owner", true),
        ("owner:name", true),
        ("co-owner", false),
        ("cost-1", true),
        ("cost-12", false),
        ("literal*", true),
        ("literally", false),
    ] {
        assert_eq!(redaction.matches(key), expected, "{key}");
    }
}

#[test]
fn values_of_matching_keys_leave_the_spec_and_come_back() {
    let (redaction, _dir) = redaction(&["email"]);
    let filters = vec![filter("tag:email", "ann@*"), filter("tag:Email", "seen"), filter("name", "seen")];
    let spec = Spec {
        tags: tags(&[("email", "ann@example.com"), ("team", "web")]),
        volume_tags: tags(&[("email", "bob@example.com")]),
        image: ImageChoice::Selector(Box::new(ImageSelector { filters, ..ImageSelector::default() })),
        ..least_spec()
    };
    let request = LaunchRequest { user_data: Some(b"data".to_vec()), ..request_of(spec.clone()) };
    let prepared = redaction.prepare(&request);
    let json = serde_json::to_string(&prepared.spec).unwrap();
    assert!(!json.contains("ann@") && !json.contains("bob@"), "{json}");
    assert_eq!(prepared.spec.tags, tags(&[("email", REDACTED), ("team", "web")]));
    assert!(json.contains("tag:email") && json.matches("seen").count() == 2, "{json}");
    assert!(prepared.spec.is_redacted() && !spec.is_redacted());
    assert_eq!(prepared.withheld.restored(&prepared.spec), spec);
    assert_ne!(prepared.bodies.recorded(), spec.body_hash("test"));

    let request = request_of(least_spec());
    let nothing = redaction.prepare(&request);
    assert_eq!((nothing.spec, nothing.withheld), (least_spec(), Withheld::default()));
    assert_eq!(nothing.bodies.recorded(), least_spec().body_hash("test"), "nothing was redacted, so the hash is plain");
}

#[test]
fn a_key_made_after_a_launch_cannot_have_been_its_own() {
    let (redaction, _dir) = redaction(&["email"]);
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    assert!(redaction.has_lost_key_of(at(-1)));
    assert!(!redaction.has_lost_key_of(at(1)));
}

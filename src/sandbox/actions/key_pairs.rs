//! DescribeKeyPairs, ImportKeyPair and DeleteKeyPair. CreateKeyPair would have to hand out a private
//! key, which the sandbox does not make.
//!
//! The account has one key pair from the start, called `sandbox`. What is imported is not verified
//! beyond its form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Call, tags};
use crate::clock::Timestamp;
use crate::sandbox::cloud::{KeyPair, Line, State, Tags};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, text};
use crate::sandbox::wire::time::millis;
use crate::sandbox::wire::xml::Xml;

/// The key pair that is there from the start.
const FIRST: &str = "sandbox";
/// Characters of a name.
const NAME_CHARS_MAX: usize = 255;
/// Key pairs of a Region (Service Quotas, "Key pairs").
const KEY_PAIRS_MAX: usize = 5_000;

/// Whether RunInstances may name this key pair.
pub(super) fn exists(state: &State, name: &str) -> bool {
    name == FIRST || state.key_pairs().contains_key(name)
}

/// The key pair that is there from the start. Its public half is nobody's.
fn first(call: &Call<'_>) -> KeyPair {
    KeyPair {
        id: call.cloud.derived_id("key", "key-pair", 0),
        name: FIRST.to_owned(),
        number: 0,
        created: Timestamp::UNIX_EPOCH,
        fingerprint: fingerprint(FIRST.as_bytes()),
        kind: "ed25519".to_owned(),
        public_key: None,
    }
}

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(&'a KeyPair, &mut Values<'a>);

/// The filters of DescribeKeyPairs.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("fingerprint", |pair, v| text(v, &pair.fingerprint)),
    ("key-name", |pair, v| text(v, &pair.name)),
    ("key-pair-id", |pair, v| text(v, &pair.id)),
];

/// DescribeKeyPairs.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["KeyName", "KeyPairId", "Filter", "IncludePublicKey"])?;
    let params = call.params();
    let filters = Filters::read_with_tags(params, FILTERS)?;
    let with_public_key = params.boolean("IncludePublicKey")?.unwrap_or(false);
    let (names, ids) = (params.texts("KeyName"), params.texts("KeyPairId"));
    let state = call.cloud.state();
    let first = first(call);
    let all = || std::iter::once(&first).chain(state.key_pairs().values());
    if let Some(unknown) = names.iter().find(|name| !all().any(|pair| pair.name == **name)) {
        return Err(not_found(unknown));
    }
    if let Some(unknown) = ids.iter().find(|id| !all().any(|pair| pair.id == **id)) {
        let message = format!("The key pair ID '{unknown}' does not exist");
        return Err(Ec2Error::new("InvalidKeyPair.NotFound", message));
    }
    call.permit()?;
    let chosen = all()
        .filter(|pair| names.is_empty() && ids.is_empty() || names.contains(&&*pair.name) || ids.contains(&&*pair.id))
        .filter(|pair| {
            filters.pass_with_tags(|| state.tags(&pair.id).into_iter().flatten(), |fact, values| fact(pair, values))
        });
    xml.list("keySet", chosen, |xml, pair| {
        xml.text("keyPairId", &pair.id);
        xml.text("keyFingerprint", &pair.fingerprint);
        xml.text("keyName", &pair.name);
        xml.text("keyType", &pair.kind);
        xml.tags(state.tags(&pair.id).into_iter().flatten());
        xml.optional("publicKey", pair.public_key.as_deref().filter(|_| with_public_key));
        xml.text("createTime", &millis(pair.created));
    });
    Ok(())
}

/// ImportKeyPair.
pub(super) fn import(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["KeyName", "PublicKeyMaterial", "TagSpecification"])?;
    let params = call.params();
    let name = params.required("KeyName")?;
    if name.chars().count() > NAME_CHARS_MAX || !name.is_ascii() {
        let why = format!("A key name has at most {NAME_CHARS_MAX} ASCII characters.");
        return Err(Ec2Error::invalid("KeyName", name, &why));
    }
    let malformed = || Ec2Error::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    let material = params.required("PublicKeyMaterial")?;
    let decoded = STANDARD.decode(material.trim()).map_err(|_| malformed())?;
    let text = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (kind, blob) = open_ssh(&text).ok_or_else(malformed)?;
    let mut tags = Tags::new();
    for specification in params.list("TagSpecification") {
        let target = specification.required("ResourceType")?;
        if target != "key-pair" {
            let message = format!("'{target}' is not a valid taggable resource type for this operation.");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        tags.extend(tags::read(specification)?);
    }
    let mut state = call.cloud.state();
    if exists(&state, name) {
        let message = format!("The keypair '{name}' already exists.");
        return Err(Ec2Error::new("InvalidKeyPair.Duplicate", message));
    }
    if state.key_pairs().len() >= KEY_PAIRS_MAX {
        let message = format!("You have reached the limit of {KEY_PAIRS_MAX} key pairs per Region.");
        return Err(Ec2Error::new("KeyPairLimitExceeded", message));
    }
    call.permit()?;
    let number = state.next_key_pair();
    let pair = KeyPair {
        id: call.cloud.derived_id("key", "key-pair", number),
        name: name.to_owned(),
        number,
        created: call.now,
        fingerprint: fingerprint(&blob),
        kind: kind.to_owned(),
        public_key: Some(text.trim().to_owned()),
    };
    xml.text("keyFingerprint", &pair.fingerprint);
    xml.text("keyName", &pair.name);
    xml.text("keyPairId", &pair.id);
    xml.tags(&tags);
    call.change(&mut state, Line::KeyPair { region: call.place(), pair, tags })
}

/// CreateKeyPair, which is refused.
pub(super) fn create(_: &Call<'_>, _: &mut Xml) -> Result<(), Ec2Error> {
    Err(Ec2Error::not_served("CreateKeyPair: it makes no private keys. Use ImportKeyPair, or the key pair 'sandbox'"))
}

/// DeleteKeyPair; one that is not there is deleted already.
pub(super) fn delete(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["KeyName", "KeyPairId"])?;
    let params = call.params();
    let mut state = call.cloud.state();
    let found = match (params.text("KeyName"), params.text("KeyPairId")) {
        (None, None) => return Err(Ec2Error::missing("KeyName")),
        (Some(name), _) => state.key_pairs().get(name).cloned(),
        (None, Some(id)) => state.key_pairs().values().find(|pair| pair.id == id).cloned(),
    };
    if params.text("KeyName") == Some(FIRST) {
        return Err(Ec2Error::not_served("deleting the key pair that it has from the start"));
    }
    call.permit()?;
    if let Some(pair) = found {
        xml.value("return", true);
        xml.text("keyPairId", &pair.id);
        return call.change(&mut state, Line::KeyPairGone { region: call.place(), name: pair.name });
    }
    xml.value("return", true);
    Ok(())
}

fn not_found(name: &str) -> Ec2Error {
    Ec2Error::new("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist"))
}

/// Kind and bytes of a public key in the format of OpenSSH.
fn open_ssh(text: &str) -> Option<(&'static str, Vec<u8>)> {
    let mut words = text.split_whitespace();
    let kind = match words.next()? {
        "ssh-rsa" => "rsa",
        "ssh-ed25519" => "ed25519",
        _ => return None,
    };
    let blob = STANDARD.decode(words.next()?).ok()?;
    Some((kind, blob))
}

/// A fingerprint as OpenSSH writes it, which EC2 shows for ED25519 keys. EC2 shows MD5 of the
/// DER form for RSA keys; here all are written the one way.
fn fingerprint(blob: &[u8]) -> String {
    STANDARD_NO_PAD.encode(Sha256::digest(blob))
}

//! The kinds of entities that the schema has.

use std::sync::LazyLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// A kind of entity.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Action,
    Principal,
    Image,
    InstanceType,
    LaunchSpec,
    Launch,
    Service,
}

const NAMES: [&str; 7] = ["Action", "Principal", "Image", "InstanceType", "LaunchSpec", "Launch", "Service"];

/// The entity of a kind and a name. The name may be any text.
pub(super) fn uid(kind: Kind, id: &str) -> EntityUid {
    // Reading a type's name takes longer than most of what is done with it.
    static TYPES: LazyLock<Vec<EntityTypeName>> = LazyLock::new(|| {
        NAMES.iter().map(|name| name.parse().expect("each is one identifier, which is a type's name")).collect()
    });
    EntityUid::from_type_name_and_id(TYPES[kind as usize].clone(), EntityId::new(id))
}

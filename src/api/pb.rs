//! The contract as generated from `proto/gantry/v1`, and its descriptors.
//!
//! Nothing is written by hand here but one `Debug`. Elsewhere these types carry the prefix `pb::`, so that a
//! reader can tell `pb::Image`, what goes over the wire, from `Image`, what we reason about.

#![allow(missing_docs, reason = "prost copies comments to fields and messages, and not to the modules of oneofs")]
#![allow(missing_debug_implementations, reason = "tonic's generated clients and servers have none")]
#![allow(unreachable_pub, reason = "generated code is public throughout")]
#![allow(clippy::all, reason = "generated code carries no allow of its own")]
#![allow(rustdoc::all, reason = "comments are written for protobuf readers: bare addresses, <key> and the like")]

tonic::include_proto!("gantry.v1");

/// The descriptors of the whole contract, an encoded `google.protobuf.FileDescriptorSet`, for
/// server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("gantry.v1");

// All fields by name, so that a new one cannot be forgotten; the user data only by its size.
impl std::fmt::Debug for LaunchSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            image,
            instance_types,
            placements,
            strategy,
            min_count,
            max_count,
            market,
            key_name,
            security_group_ids,
            network_interfaces,
            iam_instance_profile,
            user_data,
            user_data_sha256,
            block_device_mappings,
            metadata_options,
            hibernation,
            enclave,
            cpu_credits,
            cpu_options,
            launch_template,
            tags,
            volume_tags,
            ready_timeout,
            on_boot_failure,
            expire_time,
        } = self;
        f.debug_struct("LaunchSpec")
            .field("image", image)
            .field("instance_types", instance_types)
            .field("placements", placements)
            .field("strategy", strategy)
            .field("min_count", min_count)
            .field("max_count", max_count)
            .field("market", market)
            .field("key_name", key_name)
            .field("security_group_ids", security_group_ids)
            .field("network_interfaces", network_interfaces)
            .field("iam_instance_profile", iam_instance_profile)
            .field("user_data", &format_args!("{} bytes", user_data.len()))
            .field("user_data_sha256", user_data_sha256)
            .field("block_device_mappings", block_device_mappings)
            .field("metadata_options", metadata_options)
            .field("hibernation", hibernation)
            .field("enclave", enclave)
            .field("cpu_credits", cpu_credits)
            .field("cpu_options", cpu_options)
            .field("launch_template", launch_template)
            .field("tags", tags)
            .field("volume_tags", volume_tags)
            .field("ready_timeout", ready_timeout)
            .field("on_boot_failure", on_boot_failure)
            .field("expire_time", expire_time)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message as _;

    use super::*;

    #[test]
    fn the_descriptors_hold_every_service_and_method() {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let services: BTreeMap<_, _> = set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(|service| (service.name(), service.method.len()))
            .collect();
        let expected = [("AuditService", 8), ("ImageService", 6), ("LaunchService", 9), ("PolicyService", 5)];
        assert_eq!(services, expected.into());
    }
}

//! Compiles the contract in `proto/` to Rust.
//!
//! protox stands in for protoc, which a fresh machine does not have. The descriptor set that
//! reflection serves is written here, because `compile_fds` writes none.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

const PROTO_ROOT: &str = "proto";

const FILES: [&str; 5] = [
    "gantry/v1/audit.proto",
    "gantry/v1/common.proto",
    "gantry/v1/image.proto",
    "gantry/v1/launch.proto",
    "gantry/v1/policy.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    // The directory, and not only the files: a new file must not be missed. This also keeps the
    // data and tests beside it from causing a new build of everything.
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=build.rs");

    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(PROTO_ROOT);
    let descriptors = protox::compile(FILES, [root])?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("gantry.v1.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure()
        .build_server(true)
        .build_client(true)
        // Maps in the order of their keys, so that equal messages are equal bytes.
        .btree_map(".")
        // It holds user data, which must not reach a log by way of `{:?}`; pb.rs writes its own.
        .skip_debug([".gantry.v1.LaunchSpec"])
        // tonic-types has this message, and the details that go into it.
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(descriptors)?;
    Ok(())
}

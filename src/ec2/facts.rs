//! What EC2 said, in our own types: no judgment, no SDK.
//!
//! EC2's own strings stay strings, so that a value born tomorrow survives; what EC2 left out is
//! `None` and stays so. Dates, which EC2 sends as text, are parsed, and a date that cannot be
//! parsed is absent. Everything here is plain data that serialises, because decisions in the
//! audit log hold the facts they were made from. Conclusions belong to `ami`.

mod allowed_images;
mod image;
mod instance;
mod instance_type;
mod status;

pub use allowed_images::{AllowedImages, ImageCriterion, ImageWatermarkCriterion, ScanResultCriterion};
pub use image::{
    BlockDevice, EbsVolume, Image, ImageWatermark, InstanceTypeSpecification, LaunchPermission, ProductCode,
    ScanResult, StateReason, Tag,
};
pub use instance::{Instance, InstanceState, Reservation};
pub use instance_type::{
    AcceleratorFacts, DiskFacts, EbsFacts, EbsOptimizedFacts, GpuFacts, InstanceStorageFacts, InstanceTypeFacts,
    NetworkFacts, Offering, PlacementGroupFacts, ProcessorFacts,
};
pub use status::{AvailabilityZoneFacts, ConsoleOutput, InstanceStatus, ScheduledEvent, StatusSummary, SubnetFacts};

//! Amazon EC2, over aws-sdk-ec2: what it says, in our own types. Beside it STS, SSM and SQS, for a call or two.
//!
//! The one code path to EC2, whether that is AWS, the sandbox or another server that speaks its
//! Query protocol. Outside this room nobody sees the SDK. [`facts`] is what EC2 said, [`errors`]
//! what it said instead, [`run`] what a launch asks for, [`template`] what a launch template does,
//! [`budget`] how often may be asked, [`denial`] why it was not allowed. It draws no conclusions, keeps
//! nothing but credentials, and repeats no call that changes anything.

pub mod budget;
pub mod denial;
pub mod errors;
#[cfg(feature = "events-queue")]
pub mod events;
pub mod facts;
pub mod run;
pub mod template;

mod accounts;
mod call;
mod client;
mod clients;
mod convert;
mod sessions;
mod settings;

pub use accounts::{AccountRole, Accounts};
pub use client::{
    CALL_STATUS_IDS_MAX, Client, FILTER_VALUES_MAX, ImagePage, ImageQuestion, LocationType, PUBLIC_PARAMETERS,
};
pub use clients::{Clients, ConnectError};
pub use errors::{Answer, Ec2Error, ErrorClass, Silence};
pub use run::RunInstances;
pub use settings::{BudgetSettings, Settings, StaticCredentials, Timeouts};

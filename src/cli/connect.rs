//! What every command that asks a server takes: where the server is, which Region and account are
//! meant, and how to print.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::failure::Failure;
use super::output::Output;
use crate::client::{Client, ConnectOptions};
use crate::clock::SystemClock;

/// Where a Region is looked up when no flag names one, first hit first.
const REGION_VARIABLES: [&str; 3] = ["GANTRY_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"];

/// Flags of every client command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection and output")]
pub(crate) struct ClientArgs {
    /// The server; `https://` for TLS.
    #[arg(long, value_name = "URL", env = "GANTRY_SERVER", default_value = "http://127.0.0.1:50051")]
    server: String,
    /// The authorities to trust instead of the operating system's, PEM.
    #[arg(long, value_name = "FILE", env = "GANTRY_CA")]
    ca: Option<PathBuf>,
    /// The client certificate, PEM.
    #[arg(long, value_name = "FILE", env = "GANTRY_CLIENT_CERT", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The private key of the client certificate, PEM.
    #[arg(long, value_name = "FILE", env = "GANTRY_CLIENT_KEY", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// The name to expect in the server's certificate, if not the host of the URL.
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// The Region. Where a command needs one: otherwise from GANTRY_REGION, AWS_REGION or AWS_DEFAULT_REGION.
    #[arg(long)]
    region: Option<String>,
    /// The account, twelve digits. Otherwise that of the server's own credentials.
    #[arg(long, value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// How to print the result: for a person, or as the API's JSON.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table or a description, for a person.
    Table,
    /// The API's JSON, as grpcurl prints it; of streams one object a line.
    Json,
}

impl ClientArgs {
    /// Connects to the server.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let options = ConnectOptions {
            server: self.server.clone(),
            ca: self.ca.clone(),
            identity: self.client_cert.clone().zip(self.client_key.clone()),
            domain_name: self.tls_name.clone(),
        };
        Ok(Client::connect(options, Arc::new(SystemClock::new())).await?)
    }

    /// The Region for a command that needs one.
    pub(crate) fn region(&self) -> Result<String, Failure> {
        let from_environment = || REGION_VARIABLES.iter().find_map(|name| std::env::var(name).ok());
        match self.region.clone().or_else(from_environment).filter(|region| !region.is_empty()) {
            Some(region) => Ok(region),
            None => Err(Failure::Usage(format!(
                "which Region? Give --region, or set one of {} (the sandbox's is sandbox-1)",
                REGION_VARIABLES.join(", ")
            ))),
        }
    }

    /// The Region as a condition: only what the flag says, because a variable that silently hides
    /// results would be a trap.
    pub(crate) fn region_filter(&self) -> String {
        self.region.clone().unwrap_or_default()
    }

    /// The account, empty for the server's own.
    pub(crate) fn account(&self) -> String {
        self.account.clone().unwrap_or_default()
    }

    /// Where results go.
    pub(crate) fn output(&self) -> Output {
        Output::stdout(self.output)
    }
}

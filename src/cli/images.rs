//! `gantry images`: list, get, classify and resolve.

mod classify;
mod judged;
mod list;
mod offline;
mod resolve;

use clap::Subcommand;

use super::connect::ClientArgs;
use super::failure::Failure;
use super::{describe, parse};
use crate::client::{self, pb};

/// What can be asked about images.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List images, newest first, and say how fresh the answer is.
    List(Box<list::Args>),
    /// Show one image: EC2's facts, what follows from them, and why.
    Get(Box<GetArgs>),
    /// Classify many images, each as soon as it is known: those of a server, or those of a file.
    Classify(Box<classify::Args>),
    /// Choose one image by what it must be, and say why the others lost.
    Resolve(Box<resolve::Args>),
}

/// Which images.
#[derive(Debug, clap::Args)]
pub(crate) struct SelectArgs {
    /// Whose images: account ids, self, amazon, aws-marketplace, aws-backup-vault or all [default: the server's scope].
    #[arg(long, value_name = "OWNER", value_delimiter = ',')]
    owner: Vec<String>,
    /// A condition, EC2's own or Gantry's, such as architecture=arm64 or gantry:os=linux. All must hold; of the values
    /// of one, any.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = parse::filter)]
    filter: Vec<pb::Filter>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The image: ami-...
    image_id: String,
    /// How old the reading of EC2 may be; 0 asks EC2 at once.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    max_staleness: Option<std::time::Duration>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(args) => args.run().await,
            Self::Get(args) => get(*args).await,
            Self::Classify(args) => args.run().await,
            Self::Resolve(args) => args.run().await,
        }
    }
}

async fn get(args: GetArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let request = pb::GetImageRequest {
        region: args.client.region()?,
        account_id: args.client.account(),
        image_id: args.image_id,
        max_staleness: args.max_staleness.map(client::duration),
    };
    let image = args.client.connect().await?.get_image(request).await?;
    output.result(&image, describe::image)
}

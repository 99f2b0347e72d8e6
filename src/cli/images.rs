//! `gantry images`: list, get, classify and resolve.

use clap::Subcommand;

use super::connect::ClientArgs;
use super::failure::Failure;
use super::output::{or_dash, table, word};
use super::{describe, parse};
use crate::client::{self, Client, pb};

/// The server's largest page.
const PAGE_SIZE_MAX: u32 = 500;

/// What can be asked about images.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List images, newest first.
    List(Box<ListArgs>),
    /// Show one image: EC2's facts, what follows from them, and why.
    Get(GetArgs),
    /// Classify many images, each as soon as it is known.
    Classify(Box<ClassifyArgs>),
    /// Choose one image by what it must be, and say why the others lost.
    Resolve(Box<ResolveArgs>),
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
pub(crate) struct ListArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Also deprecated images.
    #[arg(long)]
    include_deprecated: bool,
    /// Also disabled images.
    #[arg(long)]
    include_disabled: bool,
    /// The order, such as "name" or "creation_time desc".
    #[arg(long, value_name = "FIELDS")]
    order_by: Option<String>,
    /// How many at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// How old the reading of EC2 may be; 0 asks EC2 again.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    max_staleness: Option<std::time::Duration>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The image: ami-...
    image_id: String,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ClassifyArgs {
    /// The images, or none and --filter.
    image_ids: Vec<String>,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    /// Whose it must be; names prove nothing.
    #[arg(long, required_unless_present = "ssm_parameter")]
    owner: Option<String>,
    /// What it must be called, with * and ?.
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// Its architecture: x86_64, arm64.
    #[arg(long)]
    architecture: Option<String>,
    /// A public SSM parameter that names it.
    #[arg(long, value_name = "NAME")]
    ssm_parameter: Option<String>,
    /// A further condition.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = parse::filter)]
    filter: Vec<pb::Filter>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(args) => list(*args).await,
            Self::Get(args) => get(args).await,
            Self::Classify(args) => classify(*args).await,
            Self::Resolve(args) => resolve(*args).await,
        }
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let request = pb::ListImagesRequest {
        region: args.client.region()?,
        account_id: args.client.account(),
        owners: args.select.owner,
        filters: args.select.filter,
        include_deprecated: args.include_deprecated,
        include_disabled: args.include_disabled,
        order_by: args.order_by.unwrap_or_default(),
        max_staleness: args.max_staleness.map(client::duration),
        page_size: 0,
        page_token: String::new(),
    };
    let answer = all_pages(&args.client.connect().await?, request, args.limit).await?;
    output.result(&answer, |answer| rows(&answer.images))?;
    let seen = answer.observed_time.map(|time| format!(", as of {time}")).unwrap_or_default();
    output.note(&format!(
        "{} of {} images{seen}; owners: {}",
        answer.images.len(),
        answer.total_size,
        answer.owners.join(", ")
    ));
    Ok(())
}

/// The first `limit` images, page after page; the first page's totals, the last page's token.
async fn all_pages(
    client: &Client,
    mut request: pb::ListImagesRequest,
    limit: u32,
) -> Result<pb::ListImagesResponse, Failure> {
    let mut all: Option<pb::ListImagesResponse> = None;
    loop {
        let had = all.as_ref().map_or(0, |all| u32::try_from(all.images.len()).unwrap_or(u32::MAX));
        let wanted = if limit == 0 { PAGE_SIZE_MAX } else { limit.saturating_sub(had).min(PAGE_SIZE_MAX) };
        request.page_size = i32::try_from(wanted)?;
        let page = client.list_images(request.clone()).await?;
        request.page_token.clone_from(&page.next_page_token);
        let merged = match all.take() {
            None => page,
            Some(mut before) => {
                before.images.extend(page.images);
                before.next_page_token = page.next_page_token;
                before
            }
        };
        let enough = limit != 0 && merged.images.len() >= usize::try_from(limit)?;
        if enough || request.page_token.is_empty() {
            return Ok(merged);
        }
        all = Some(merged);
    }
}

fn rows(images: &[pb::Image]) -> String {
    let header = ["IMAGE", "CREATED", "ARCH", "ROOT", "VIRT", "BOOT", "OS", "RECOMMENDATION", "NAME"];
    table(
        header,
        images.iter().map(|image| {
            let judged = image.classification.clone().unwrap_or_default();
            let os = judged.os.clone().unwrap_or_default();
            [
                image.image_id.clone(),
                // The day is enough to tell images apart in a list; `get` has the second.
                or_dash(
                    image
                        .creation_time
                        .map(|time| time.to_string().chars().take(10).collect::<String>())
                        .unwrap_or_default(),
                ),
                or_dash(image.architecture()),
                or_dash(image.root_device_type()),
                or_dash(image.virtualization_type()),
                word!(pb::BootPath, judged.boot_path),
                or_dash(if os.distribution.is_empty() {
                    word!(pb::OsFamily, os.family)
                } else {
                    format!("{} {}", os.distribution, os.version).trim().to_owned()
                }),
                word!(pb::Recommendation, judged.recommendation),
                or_dash(image.name()),
            ]
        }),
    )
}

async fn get(args: GetArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let request = pb::GetImageRequest {
        region: args.client.region()?,
        account_id: args.client.account(),
        image_id: args.image_id,
    };
    let image = args.client.connect().await?.get_image(request).await?;
    output.result(&image, describe::image)
}

async fn classify(args: ClassifyArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let request = pb::ClassifyImagesRequest {
        region: args.client.region()?,
        account_id: args.client.account(),
        image_ids: args.image_ids,
        filters: args.select.filter,
        owners: args.select.owner,
    };
    let mut answers = args.client.connect().await?.classify_images(request).await?;
    let (mut classified, mut failed) = (0_u64, 0_u64);
    while let Some(answer) = answers.next().await? {
        match &answer.result {
            Some(pb::classify_images_response::Result::Classification(_)) => classified += 1,
            Some(pb::classify_images_response::Result::Status(_)) | None => failed += 1,
        }
        output.item(&answer, |answer| Some(one_line(answer)))?;
    }
    if failed > 0 {
        return Err(anyhow::anyhow!("{failed} of {} images could not be classified", failed + classified).into());
    }
    Ok(())
}

fn one_line(answer: &pb::ClassifyImagesResponse) -> String {
    let said = match &answer.result {
        Some(pb::classify_images_response::Result::Classification(judged)) => [
            word!(pb::RootDevice, judged.root_device),
            word!(pb::Virtualization, judged.virtualization),
            word!(pb::BootPath, judged.boot_path),
            word!(pb::ImageSource, judged.source),
            word!(pb::ImageLifecycle, judged.lifecycle),
            word!(pb::BootSpeed, judged.boot_speed),
            word!(pb::Recommendation, judged.recommendation),
        ]
        .join(" "),
        Some(pb::classify_images_response::Result::Status(status)) => format!("error: {}", status.message),
        None => "error: the server gave neither a classification nor a reason".to_owned(),
    };
    format!("{} {said}", answer.image_id)
}

async fn resolve(args: ResolveArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let selector = pb::ImageSelector {
        owner: args.owner.unwrap_or_default(),
        name_pattern: args.name.unwrap_or_default(),
        architecture: args.architecture.unwrap_or_default(),
        ssm_parameter: args.ssm_parameter.unwrap_or_default(),
        filters: args.filter,
    };
    let request = pb::ResolveImageRequest {
        region: args.client.region()?,
        account_id: args.client.account(),
        selector: Some(selector),
    };
    let answer = args.client.connect().await?.resolve_image(request).await?;
    output.result(&answer, |answer| {
        let mut text = answer.image.as_ref().map(describe::image).unwrap_or_default();
        if let Some(receipt) = &answer.receipt {
            text.push_str(&format!("\n\nReceipt: {} {}", receipt.image_id, receipt.digest));
        }
        if !answer.runners_up.is_empty() {
            let lost = answer
                .runners_up
                .iter()
                .map(|other| [other.image_id.clone(), or_dash(&other.name), other.reason.clone()]);
            text.push_str(&format!("\n\n{}", table(["RUNNER-UP", "NAME", "WHY NOT"], lost)));
        }
        text
    })
}

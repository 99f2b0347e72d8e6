//! `gantry check`: which instance types can boot an image.

use super::connect::ClientArgs;
use super::describe;
use super::failure::Failure;
use super::output::word;
use crate::client::pb;

/// The server's largest page.
const PAGE_SIZE_MAX: i32 = 500;

/// Flags of `gantry check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image: ami-...
    image_id: String,
    /// The instance types to judge [default: all of the Region].
    #[arg(long, value_name = "TYPE", value_delimiter = ',', num_args = 1..)]
    types: Vec<String>,
    /// Also show the rules that hold.
    #[arg(long)]
    all_findings: bool,
    /// Judge the market too: on-demand, spot or capacity-block.
    #[arg(long)]
    market: Option<String>,
    /// Judge the tenancy too: default, dedicated or host.
    #[arg(long)]
    tenancy: Option<String>,
    /// It should be able to hibernate.
    #[arg(long)]
    hibernation: bool,
    /// It should be able to run Nitro Enclaves.
    #[arg(long)]
    enclave: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let findings_view = if self.all_findings { pb::FindingsView::All } else { pb::FindingsView::NonPass };
        let mut request = pb::CheckCompatibilityRequest {
            region: self.client.region()?,
            account_id: self.client.account(),
            image_id: self.image_id,
            instance_types: self.types,
            findings_view: findings_view.into(),
            market: self.market,
            tenancy: self.tenancy,
            hibernation: self.hibernation.then_some(true),
            enclave: self.enclave.then_some(true),
            page_size: PAGE_SIZE_MAX,
            page_token: String::new(),
        };
        let client = self.client.connect().await?;
        let mut all = client.check_compatibility(request.clone()).await?;
        while !all.next_page_token.is_empty() {
            request.page_token = all.next_page_token;
            let page = client.check_compatibility(request.clone()).await?;
            all.verdicts.extend(page.verdicts);
            all.next_page_token = page.next_page_token;
        }
        output.result(&all, |all| verdicts(&all.verdicts))?;
        output.note(&summary(&all.verdicts));
        Ok(())
    }
}

fn verdicts(verdicts: &[pb::InstanceTypeVerdict]) -> String {
    let mut lines = Vec::new();
    for judged in verdicts {
        lines.push(format!("{} {}", judged.instance_type, word!(pb::CompatibilityVerdict, judged.verdict)));
        lines.extend(describe::findings(&judged.findings).lines().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

fn summary(verdicts: &[pb::InstanceTypeVerdict]) -> String {
    let count = |wanted| verdicts.iter().filter(|judged| judged.verdict() == wanted).count();
    format!(
        "{} compatible, {} incompatible, {} unknown",
        count(pb::CompatibilityVerdict::Compatible),
        count(pb::CompatibilityVerdict::Incompatible),
        count(pb::CompatibilityVerdict::Unknown),
    )
}

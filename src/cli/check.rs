//! `gantry check`: which instance types can boot an image.

mod matrix;
mod reasons;

use super::connect::ClientArgs;
use super::failure::Failure;
use super::output::Screen;
use crate::client::pb;

/// The server's largest page.
const PAGE_SIZE_MAX: i32 = 500;

/// Flags of `gantry check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image: ami-...
    image_id: String,
    /// The instance types to judge [default: all of the Region, shown by family].
    #[arg(long, value_name = "TYPE", value_delimiter = ',', num_args = 1..)]
    types: Vec<String>,
    /// Also show the rules that hold, and a row for each type.
    #[arg(long)]
    all_findings: bool,
    /// Judge whether types are offered in this Availability Zone too: us-east-1a.
    #[arg(long, value_name = "ZONE")]
    availability_zone: Option<String>,
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
        let by_family = self.types.is_empty() && !self.all_findings;
        // The matrix marks what holds too; JSON is what was asked for.
        let is_all = self.all_findings || output.is_for_people();
        let findings_view = if is_all { pb::FindingsView::All } else { pb::FindingsView::NonPass };
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
            availability_zone: self.availability_zone,
            ..Default::default()
        };
        let client = self.client.connect().await?;
        let mut all = client.check_compatibility(request.clone()).await?;
        while !all.next_page_token.is_empty() {
            request.page_token = all.next_page_token;
            let page = client.check_compatibility(request.clone()).await?;
            all.verdicts.extend(page.verdicts);
            all.next_page_token = page.next_page_token;
        }
        let screen = Screen::stdout();
        output.result(&all, |all| {
            let matrix = matrix::matrix(&all.verdicts, by_family, self.all_findings, screen);
            let reasons = reasons::reasons(&all.verdicts, self.all_findings, screen);
            if reasons.is_empty() { matrix } else { format!("{matrix}\n\n{reasons}") }
        })?;
        output.note(&format!("\n{}", reasons::summary(&all.verdicts)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;

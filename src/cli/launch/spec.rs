//! What is to be launched, from flags to the API's LaunchSpec.
//!
//! Only what the contract cannot know is decided here: which flag stands for which field. Limits
//! and contradictions are the server's to report.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::cli::failure::Failure;
use crate::cli::launch::image::ImageArgs;
use crate::cli::launch::volume;
use crate::cli::parse;
use crate::client::{self, Client, pb};
use crate::clock::Timestamp;

/// More than EC2 takes, so that a wrong file is noticed before it is sent and the server can say
/// what the limit is.
const USER_DATA_BYTES_READ_MAX: u64 = 1024 * 1024;

/// Flags that say what to launch.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "What to launch")]
pub(crate) struct SpecArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// Instance types, in order of preference.
    #[arg(long, value_name = "TYPE", value_delimiter = ',', num_args = 1..)]
    types: Vec<String>,
    /// How many instances, neither fewer nor more [default: 1].
    #[arg(long, value_name = "N", conflicts_with_all = ["min_count", "max_count"])]
    count: Option<i32>,
    /// The least number that is a success.
    #[arg(long, value_name = "N")]
    min_count: Option<i32>,
    /// The number wanted.
    #[arg(long, value_name = "N")]
    max_count: Option<i32>,
    /// Subnets, in order of preference.
    #[arg(long, value_name = "SUBNET_ID", value_delimiter = ',', conflicts_with = "az")]
    subnet: Vec<String>,
    /// Availability Zones, in order of preference.
    #[arg(long, value_name = "ZONE", value_delimiter = ',')]
    az: Vec<String>,
    /// Start where the fewest instances are.
    #[arg(long)]
    spread: bool,
    /// Tenancy: default, dedicated or host.
    #[arg(long)]
    tenancy: Option<String>,
    /// The Dedicated Host, with tenancy host.
    #[arg(long, value_name = "HOST_ID")]
    host_id: Option<String>,
    /// The placement group.
    #[arg(long, value_name = "NAME")]
    placement_group: Option<String>,
    /// The capacity reservation to use.
    #[arg(long, value_name = "RESERVATION_ID")]
    capacity_reservation: Option<String>,
    /// How to pay [default: on-demand].
    #[arg(long, value_enum)]
    market: Option<MarketArg>,
    /// The highest Spot price in US dollars an hour.
    #[arg(long, value_name = "USD")]
    max_price: Option<String>,
    /// The key pair for login.
    #[arg(long, value_name = "NAME")]
    key_name: Option<String>,
    /// Security groups.
    #[arg(long, value_name = "GROUP_ID", value_delimiter = ',')]
    security_group: Vec<String>,
    /// The instance profile, by name or ARN.
    #[arg(long, value_name = "NAME_OR_ARN")]
    iam_profile: Option<String>,
    /// A file for cloud-init or EC2Launch; - for stdin. The bytes as they are, without base64.
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// The size of the root volume in GiB.
    #[arg(long, value_name = "GIB")]
    root_size: Option<u32>,
    /// The type of the root volume: gp3, io2, ...
    #[arg(long, value_name = "TYPE")]
    root_type: Option<String>,
    /// Encrypt the root volume.
    #[arg(long)]
    root_encrypted: bool,
    /// A further volume: DEVICE,size=GIB[,type=T][,iops=N][,throughput=N][,snapshot=ID][,encrypted=BOOL][,kms-key=ID]
    /// [,delete=BOOL], or DEVICE,virtual=ephemeral0, or DEVICE,none.
    #[arg(long, value_name = "VOLUME", value_parser = volume::parse)]
    volume: Vec<pb::BlockDeviceSpec>,
    /// Allow IMDSv1 too; otherwise the metadata service asks for tokens.
    #[arg(long)]
    allow_imdsv1: bool,
    /// How many hops an answer of the metadata service may travel; containers need 2.
    #[arg(long, value_name = "N")]
    metadata_hops: Option<u32>,
    /// Let instances read their own tags.
    #[arg(long)]
    metadata_tags: bool,
    /// Let instances hibernate.
    #[arg(long)]
    hibernation: bool,
    /// Let instances run Nitro Enclaves.
    #[arg(long)]
    enclave: bool,
    /// CPU credits of burstable types: standard or unlimited.
    #[arg(long, value_name = "MODE")]
    cpu_credits: Option<String>,
    /// Number of cores.
    #[arg(long, value_name = "N")]
    cores: Option<u32>,
    /// Threads a core: 1 or 2.
    #[arg(long, value_name = "N")]
    threads_per_core: Option<u32>,
    /// A launch template to start from, by name or id, and its version: a number, $Latest or $Default [default].
    #[arg(long, value_name = "NAME_OR_ID[:VERSION]")]
    launch_template: Option<String>,
    /// Its version, if it is not beside its name.
    #[arg(long, value_name = "VERSION", requires = "launch_template")]
    launch_template_version: Option<String>,
    /// A tag for the instances.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse::pair)]
    tag: Vec<(String, String)>,
    /// A tag for the volumes.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse::pair)]
    volume_tag: Vec<(String, String)>,
    /// How long an instance may take to be ready [default: 30m].
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    ready_timeout: Option<Duration>,
    /// Terminate instances that are not ready in time, once their console has been read.
    #[arg(long)]
    terminate_on_boot_failure: bool,
    /// After this moment no further attempt is begun.
    #[arg(long, value_name = "TIME")]
    expire_time: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MarketArg {
    OnDemand,
    Spot,
    CapacityBlock,
}

impl SpecArgs {
    /// The spec. The root volume's flags need the name of the root device, which is the image's:
    /// the server is asked for it.
    pub(crate) async fn build(
        self,
        client: &Client,
        region: &str,
        account_id: &str,
    ) -> Result<pb::LaunchSpec, Failure> {
        let root_device = if self.changes_root() {
            let Some(image_id) = self.image.id()? else {
                return Err(Failure::Usage(
                    "the root volume's flags need --image or --receipt; otherwise name the device with --volume".into(),
                ));
            };
            let request = pb::GetImageRequest {
                region: region.to_owned(),
                account_id: account_id.to_owned(),
                image_id,
                max_staleness: None,
            };
            let image = client.get_image(request).await?;
            let name = image.root_device_name.context("the image has no root device name; name it with --volume")?;
            Some(name)
        } else {
            None
        };
        let user_data = match &self.user_data {
            Some(path) => read_user_data(path)?,
            None => Vec::new(),
        };
        self.into_spec(root_device, user_data)
    }

    fn changes_root(&self) -> bool {
        self.root_size.is_some() || self.root_type.is_some() || self.root_encrypted
    }

    fn into_spec(self, root_device: Option<String>, user_data: Vec<u8>) -> Result<pb::LaunchSpec, Failure> {
        let market = self.market()?;
        let launch_template = self.launch_template()?;
        let placements = self.placements();
        let metadata_options = self.metadata_options();
        let mut block_device_mappings = self.volume;
        if let Some(device_name) = root_device {
            let ebs = pb::EbsSpec {
                volume_size_gib: self.root_size,
                volume_type: self.root_type,
                encrypted: self.root_encrypted.then_some(true),
                ..pb::EbsSpec::default()
            };
            block_device_mappings.insert(0, pb::BlockDeviceSpec { device_name, ebs: Some(ebs), ..Default::default() });
        }
        let strategy = if self.spread { pb::PlacementStrategy::Spread } else { pb::PlacementStrategy::Unspecified };
        let on_boot_failure =
            if self.terminate_on_boot_failure { pb::OnBootFailure::Terminate } else { pb::OnBootFailure::Unspecified };
        let cpu_options = (self.cores.is_some() || self.threads_per_core.is_some()).then(|| pb::CpuOptions {
            core_count: self.cores,
            threads_per_core: self.threads_per_core,
            ..pb::CpuOptions::default()
        });
        Ok(pb::LaunchSpec {
            image: self.image.into_reference()?,
            instance_types: self.types,
            placements,
            strategy: strategy.into(),
            min_count: self.count.or(self.min_count).unwrap_or(0),
            max_count: self.count.or(self.max_count).unwrap_or(0),
            market,
            key_name: self.key_name.unwrap_or_default(),
            security_group_ids: self.security_group,
            network_interfaces: Vec::new(),
            iam_instance_profile: self.iam_profile.map(|profile| pb::IamInstanceProfile {
                profile: Some(if profile.starts_with("arn:") {
                    pb::iam_instance_profile::Profile::Arn(profile)
                } else {
                    pb::iam_instance_profile::Profile::Name(profile)
                }),
            }),
            user_data,
            user_data_sha256: String::new(),
            block_device_mappings,
            metadata_options,
            hibernation: self.hibernation.then_some(true),
            enclave: self.enclave.then_some(true),
            cpu_credits: self.cpu_credits,
            cpu_options,
            launch_template,
            tags: unique("--tag", self.tag)?,
            volume_tags: unique("--volume-tag", self.volume_tag)?,
            ready_timeout: self.ready_timeout.map(client::duration),
            on_boot_failure: on_boot_failure.into(),
            expire_time: self.expire_time.map(client::timestamp),
        })
    }

    /// The template; its name has no colon (EC2 API Reference, CreateLaunchTemplate).
    fn launch_template(&self) -> Result<Option<pb::LaunchTemplate>, Failure> {
        use pb::launch_template::Template;
        let Some(given) = &self.launch_template else { return Ok(None) };
        let (name, beside) = match given.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (given.as_str(), None),
        };
        let version = match (beside, &self.launch_template_version) {
            (Some(_), Some(_)) => {
                return Err(Failure::Usage("the version of the launch template is given twice".into()));
            }
            (Some(""), None) => return Err(Failure::Usage(format!("{given} ends before the version"))),
            (beside, apart) => beside.or(apart.as_deref()).unwrap_or_default().to_owned(),
        };
        let template = if name.starts_with("lt-") {
            Template::LaunchTemplateId(name.to_owned())
        } else {
            Template::LaunchTemplateName(name.to_owned())
        };
        Ok(Some(pb::LaunchTemplate { template: Some(template), version }))
    }

    fn market(&self) -> Result<Option<pb::Market>, Failure> {
        use pb::market::Market;
        if self.max_price.is_some() && !matches!(self.market, Some(MarketArg::Spot)) {
            return Err(Failure::Usage("--max-price is about Spot: give --market spot too".into()));
        }
        let market = self.market.map(|market| match market {
            MarketArg::OnDemand => Market::OnDemand(pb::OnDemandMarket {}),
            MarketArg::Spot => Market::Spot(pb::SpotMarket { max_price_usd: self.max_price.clone() }),
            MarketArg::CapacityBlock => Market::CapacityBlock(pb::CapacityBlockMarket {}),
        });
        Ok(market.map(|market| pb::Market { market: Some(market) }))
    }

    /// One placement per subnet or zone, all with the same tenancy and so on; one without a
    /// location if only those are given.
    fn placements(&self) -> Vec<pb::Placement> {
        use pb::placement::Location;
        let everywhere = pb::Placement {
            location: None,
            tenancy: self.tenancy.clone(),
            host_id: self.host_id.clone(),
            placement_group: self.placement_group.clone(),
            capacity_reservation_id: self.capacity_reservation.clone(),
        };
        let subnets = self.subnet.iter().cloned().map(Location::SubnetId);
        let zones = self.az.iter().cloned().map(Location::AvailabilityZone);
        let placements: Vec<_> = subnets
            .chain(zones)
            .map(|location| pb::Placement { location: Some(location), ..everywhere.clone() })
            .collect();
        if placements.is_empty() && everywhere != pb::Placement::default() { vec![everywhere] } else { placements }
    }

    fn metadata_options(&self) -> Option<pb::MetadataOptions> {
        let options = pb::MetadataOptions {
            http_tokens: self.allow_imdsv1.then(|| "optional".to_owned()),
            http_put_response_hop_limit: self.metadata_hops,
            http_endpoint: None,
            instance_metadata_tags: self.metadata_tags.then(|| "enabled".to_owned()),
        };
        (options != pb::MetadataOptions::default()).then_some(options)
    }
}

/// Tags as a map; one given twice is a mistake that a map would hide.
fn unique(flag: &str, pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Failure> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        if map.contains_key(&key) {
            return Err(Failure::Usage(format!("{flag} {key} is given twice")));
        }
        map.insert(key, value);
    }
    Ok(map)
}

fn read_user_data(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let reading = if path == Path::new("-") {
        std::io::stdin().lock().take(USER_DATA_BYTES_READ_MAX).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(USER_DATA_BYTES_READ_MAX).read_to_end(&mut bytes))
    };
    reading.with_context(|| format!("cannot read the user data from {}", path.display()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;

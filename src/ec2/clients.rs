//! From settings to clients: the only place that configures the SDK.

use std::fmt;
use std::sync::Arc;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::{Credentials, IdentityCache, SharedCredentialsProvider, StalledStreamProtectionConfig};

use super::accounts::AccountRole;
use super::budget::{Budgets, Priority};
use super::call::send_unbudgeted;
use super::sessions::Sessions;
use super::{Client, Ec2Error, Settings, StaticCredentials, Timeouts};
use crate::clock::Clock;
use crate::ids::{AccountId, Region, RoleSessionName};

/// Attempts of a call that may be repeated, the first included.
const READ_ATTEMPTS_MAX: u32 = 3;
/// What CloudTrail shows as the application, so that its reader knows who called.
const APP_NAME: &str = concat!("gantry-", env!("CARGO_PKG_VERSION"));

/// Why there are no clients.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings name no Region.
    #[error("no Region is configured")]
    NoRegion,
    /// STS would not say whose credentials these are. Give the account id in the settings, where
    /// STS cannot be reached.
    #[error("cannot find out the AWS account; name it in the settings if STS is out of reach")]
    AccountUnknown(#[source] Ec2Error),
    /// STS answered with something that is no account id.
    #[error("STS names the account {0:?}, which is not twelve digits")]
    AccountMalformed(String),
}

/// The clients of one account, one for each Region. Cloning is cheap.
#[derive(Clone)]
pub struct Clients {
    shared: Arc<Shared>,
}

struct Shared {
    account_id: AccountId,
    /// In the order of the settings; a handful, so looking through them is as good as a map.
    clients: Vec<Client>,
}

impl Clients {
    /// Makes the clients. The credentials come from the standard chain (environment, profile, SSO,
    /// web identity, container, instance metadata) unless the settings hold some. Makes one call,
    /// sts:GetCallerIdentity, and only if the settings name no account; an account that is not
    /// known is an error here and never a guess, because the audit log would keep it for ever. The
    /// request budgets fill by `clock`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Self, ConnectError> {
        let (config, account_id) = Self::base(settings).await?;
        Ok(Self::of_own(&config, settings, account_id, None, clock))
    }

    /// The configuration of the credentials in `settings`, and the account that they belong to.
    pub(super) async fn base(settings: &Settings) -> Result<(SdkConfig, AccountId), ConnectError> {
        let home = settings.regions.first().ok_or(ConnectError::NoRegion)?;
        let config = sdk_config(settings, home).await;
        let account_id = match &settings.account_id {
            Some(account_id) => account_id.clone(),
            None => caller_account(&config).await?,
        };
        Ok((config, account_id))
    }

    /// The clients of the account of the server's own credentials, for which `base` is; `role` is the one through
    /// which launches change something.
    pub(super) fn of_own(
        base: &SdkConfig,
        settings: &Settings,
        account_id: AccountId,
        role: Option<AccountRole>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let client = |region| client_of(&account_id, region, None, base, role.as_ref(), settings, clock);
        let clients = distinct(&settings.regions).map(client).collect();
        Self { shared: Arc::new(Shared { account_id, clients }) }
    }

    /// The clients of the account of a role, which the credentials of `base` are to assume.
    pub(super) async fn of_role(
        base: &SdkConfig,
        settings: &Settings,
        role: AccountRole,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let account_id = role.role.account_id();
        let mut clients = Vec::with_capacity(settings.regions.len());
        for region in distinct(&settings.regions) {
            let config = assuming(base, &role, region).await;
            clients.push(client_of(&account_id, region, Some(&config), base, Some(&role), settings, clock));
        }
        Self { shared: Arc::new(Shared { account_id, clients }) }
    }

    /// The account.
    pub fn account_id(&self) -> &AccountId {
        &self.shared.account_id
    }

    /// The Regions, in the order of the settings.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.shared.clients.iter().map(Client::region)
    }

    /// The same clients for calls of this priority.
    pub fn at(&self, priority: Priority) -> Self {
        let clients = self.shared.clients.iter().map(|client| client.at(priority)).collect();
        Self { shared: Arc::new(Shared { account_id: self.shared.account_id.clone(), clients }) }
    }

    /// The client of a Region; none if it is not one of those configured.
    pub fn get(&self, region: &Region) -> Option<&Client> {
        self.shared.clients.iter().find(|client| client.region() == region)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.shared.clients).finish()
    }
}

/// The Regions, each once.
fn distinct(regions: &[Region]) -> impl Iterator<Item = &Region> {
    regions.iter().enumerate().filter(|(place, region)| !regions[..*place].contains(region)).map(|(_, region)| region)
}

/// The client of one Region. It reads with the credentials of `assuming`, or else of `base`, which assume the role.
fn client_of(
    account_id: &AccountId,
    region: &Region,
    assuming: Option<&SdkConfig>,
    base: &SdkConfig,
    role: Option<&AccountRole>,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Client {
    let config = assuming.unwrap_or(base);
    let place = format!("{account_id}-{region}");
    let (ec2, ssm) = (sdk_client(config, settings, region, &place), ssm_client(config, settings, region, &place));
    let budgets = Budgets::new(account_id.clone(), region.clone(), settings.budget, Arc::clone(clock));
    let budgets = if assuming.is_some() { budgets.of_other_account() } else { budgets };
    let sessions = role.map(|role| {
        let partition = RetryPartition::custom(format!("gantry-sts-{place}")).build();
        // In the Region itself, so that no other one's outage keeps a launch from its credentials.
        let sts = aws_sdk_sts::config::Builder::from(base)
            .region(aws_sdk_sts::config::Region::new(region.as_str().to_owned()))
            .retry_partition(partition)
            // Whoever makes the call repeats it, and this with it.
            .retry_config(RetryConfig::disabled());
        Sessions::new(aws_sdk_sts::Client::from_conf(sts.build()), role.clone(), Arc::clone(clock))
    });
    Client::new(account_id.clone(), region.clone(), ec2, ssm, budgets, sessions)
}

/// The configuration for reading in the account of a role: the SDK assumes it, keeps the credentials, and renews them
/// in time.
async fn assuming(base: &SdkConfig, role: &AccountRole, region: &Region) -> SdkConfig {
    let mut provider = AssumeRoleProvider::builder(role.role.as_str())
        .configure(base)
        .region(aws_config::Region::new(region.as_str().to_owned()))
        .session_name(RoleSessionName::of_reads().as_str());
    if let Some(external_id) = &role.external_id {
        provider = provider.external_id(external_id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    // A cache of its own: the one of all configurations has 64 places.
    base.to_builder().credentials_provider(provider).identity_cache(IdentityCache::lazy().build()).build()
}

pub(super) async fn sdk_config(settings: &Settings, home: &Region) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        // Named here, so that the chain does not ask instance metadata for one.
        .region(aws_config::Region::new(home.as_str().to_owned()))
        .app_name(AppName::new(APP_NAME).expect("letters, digits, dots and hyphens are an application name"))
        .timeout_config(timeout_config(settings.timeouts))
        .retry_config(RetryConfig::standard().with_max_attempts(READ_ATTEMPTS_MAX))
        // Every attempt has a limit that covers its last byte; a second opinion about slow answers
        // would only fail some that were on their way.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(credentials) = &settings.credentials {
        loader = loader.credentials_provider(sdk_credentials(credentials));
    }
    loader.load().await
}

fn timeout_config(timeouts: Timeouts) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeouts.connect)
        .operation_attempt_timeout(timeouts.attempt)
        .operation_timeout(timeouts.operation)
        .build()
}

fn sdk_credentials(from: &StaticCredentials) -> Credentials {
    Credentials::new(&from.access_key_id, &from.secret_access_key, from.session_token.clone(), None, "gantry")
}

fn sdk_client(config: &SdkConfig, settings: &Settings, region: &Region, place: &str) -> aws_sdk_ec2::Client {
    // The default partition's bucket of retry tokens is one per process and Region; two accounts,
    // or two tests, would use up each other's.
    let partition = RetryPartition::custom(format!("gantry-{place}")).build();
    let mut builder = aws_sdk_ec2::config::Builder::from(config)
        .region(aws_sdk_ec2::config::Region::new(region.as_str().to_owned()))
        .retry_partition(partition);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_ec2::Client::from_conf(builder.build())
}

/// Beside EC2's client and made like it. Without an endpoint in the settings it goes where the
/// standard configuration says, `AWS_ENDPOINT_URL_SSM` included.
fn ssm_client(config: &SdkConfig, settings: &Settings, region: &Region, place: &str) -> aws_sdk_ssm::Client {
    let partition = RetryPartition::custom(format!("gantry-ssm-{place}")).build();
    let mut builder = aws_sdk_ssm::config::Builder::from(config)
        .region(aws_sdk_ssm::config::Region::new(region.as_str().to_owned()))
        .retry_partition(partition);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_ssm::Client::from_conf(builder.build())
}

async fn caller_account(config: &SdkConfig) -> Result<AccountId, ConnectError> {
    let request = aws_sdk_sts::Client::new(config).get_caller_identity();
    let answer = send_unbudgeted!(request).map_err(ConnectError::AccountUnknown)?;
    let account = answer.account.unwrap_or_default();
    account.parse().map_err(|_| ConnectError::AccountMalformed(account))
}

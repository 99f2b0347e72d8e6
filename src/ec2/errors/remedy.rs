//! What to do about an error, in sentences that several codes share. No sentence names a person,
//! an address or a price: those change.

pub(super) const SLOW_DOWN: &str =
    "wait and repeat: the account's request rate for this API is used up; other tools share it";
pub(super) const HELD_BACK: &str =
    "wait and repeat; many ask at once for what the catalogue does not hold, or for answers of this moment";
pub(super) const REPEAT: &str = "repeat the same call under the same client token; EC2 had a failure of its own";
pub(super) const OTHER_PLACE: &str = "try another Availability Zone or instance type, or wait some minutes";
pub(super) const OTHER_HOST: &str = "allocate a Dedicated Host that fits the instance type and has room, or free one";
pub(super) const OTHER_RESERVATION: &str = "use another capacity reservation, enlarge this one, or launch without it";
pub(super) const OTHER_SUBNET: &str = "use a subnet with free addresses, or free some in this one";
pub(super) const SPOT_PRICE: &str = "leave the highest price out, raise it, or launch On-Demand";
pub(super) const RAISE_QUOTA: &str = "raise the quota in Service Quotas, or release what uses it up";
pub(super) const RAISE_VCPU_QUOTA: &str =
    "raise the vCPU quota of this instance family and market in Service Quotas, or use a smaller type";
pub(super) const FEWER: &str = "ask for fewer in one request";
pub(super) const GRANT: &str = "grant the caller this action on the resources it names; an encoded message is read \
     with sts:DecodeAuthorizationMessage";
pub(super) const CREDENTIALS: &str = "check the AWS credentials of the service and the clock of its machine";
pub(super) const TRUST: &str = "let the trust policy of the account's role allow sts:AssumeRole to the server's own \
     identity, with the external id and with sts:SetSourceIdentity if they are configured, and let that identity's \
     policy allow both on the role";
pub(super) const NO_STS: &str = "check the way to STS's endpoint in the Region; nothing was sent to EC2";
pub(super) const ENABLE_STS: &str = "enable STS in this Region for the account of the server's credentials";
pub(super) const ASK_AWS: &str = "the account itself is held back: look into its AWS Health page or ask AWS Support";
pub(super) const UNPROTECT: &str = "the resource is protected or belongs to another service: lift the protection first";
pub(super) const KEY: &str = "give the caller and EC2 the use of the KMS key, and see that the key is enabled";
pub(super) const TAG_POLICY: &str = "use the tag keys and values that the organization's tag policy allows";
pub(super) const SUBSCRIBE: &str = "accept the product's terms at the address in the message, then repeat";
pub(super) const IMAGE_MISSING: &str = "check the image id, the Region, and whether it is shared with this account; an \
     image outside the account's Allowed AMIs looks the same";
pub(super) const IMAGE_UNAVAILABLE: &str = "only an image in the state available can be launched; use another image";
pub(super) const NAME_EXISTING: &str =
    "name one that exists in this account and Region; right after its creation, wait";
pub(super) const INSTANCE_MISSING: &str =
    "right after a launch, wait: ids become visible late; otherwise check id, account and Region";
pub(super) const CORRECT: &str = "correct the request as the message says; repeating it unchanged cannot work";
pub(super) const CORRECT_VALUE: &str = "correct the value that the message names; for a launch it may be an image whose \
     architecture or boot mode the instance type does not have";
pub(super) const CORRECT_FILTER: &str = "correct the filter: its name, or the number of filters and values";
pub(super) const RESTART_PAGES: &str = "ask again from the first page";
pub(super) const NAME_SUBNET: &str = "name a subnet: the account has no default VPC in this Region";
pub(super) const IN_USE: &str = "it is in use; choose another or wait until it is free";
pub(super) const WAIT_STATE: &str = "the resource is in a state that does not allow this; wait and look again";
pub(super) const CHECK_FIT: &str = "check image against instance type: architecture, virtualization, boot mode, ENA, \
     root device; the message names the part";
pub(super) const OTHER_ZONE_OR_TYPE: &str =
    "the type or purchase option is not offered there; use a zone that the message names, or another type";
pub(super) const NO_HIBERNATION: &str =
    "launch without hibernation, or with an encrypted EBS root large enough for the memory, on a type that has it";
pub(super) const ROOT_VOLUME: &str = "use gp3, gp2, io1 or io2 for the root volume";
pub(super) const NO_ENCRYPTION: &str = "use a type that supports encrypted volumes, or an image without them";
pub(super) const NO_CREDITS: &str = "leave CPU credits out: only burstable types have them";
pub(super) const NEW_TOKEN: &str =
    "the token was used before with other parameters: find its instances, and use a new token for another request";
pub(super) const TOKEN_GONE: &str = "the instances of this token were terminated; use a new token for new ones";
pub(super) const TOKEN_FORM: &str = "use a token of at most 64 ASCII characters";
pub(super) const NONE_NEEDED: &str = "nothing: the call would have been permitted";
pub(super) const UNKNOWN: &str = "see the message; this code is not known here";
pub(super) const NO_ANSWER: &str = "check the way to EC2's endpoint; repeat only under the same client token";
pub(super) const UNREADABLE: &str = "something between here and EC2 answered in its place, such as a proxy; repeat only \
     under the same client token";
pub(super) const TOO_MANY: &str = "narrow the question with ids, owners or filters";
pub(super) const NOT_SENT: &str = "correct the request; it never left";

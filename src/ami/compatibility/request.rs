//! Rules about what is wanted beside a mere boot: market, tenancy and enclaves. Hibernation, which
//! has a list of conditions, is beside this in `hibernation`.

use super::Wish;
use super::answer::{Answer, Rule, any_of, has};
use super::rule_doc::{ENCLAVE, MARKET, TENANCY};
use crate::ec2::facts::InstanceTypeFacts;

/// The purchase option against the type's usage classes. EC2 answers Unsupported.
pub(super) fn market<A: Answer>(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<A> {
    let market = wish.market.as_deref()?;
    let name = &type_facts.instance_type;
    let classes = type_facts.supported_usage_classes.as_slice();
    let rule = Rule::of(&MARKET, market);
    Some(if classes.is_empty() {
        rule.at("instance_type.supported_usage_classes", classes)
            .unknown(|| (market, format!("EC2 does not say how {name} can be bought.")))
    } else if has(classes, market) {
        rule.pass(|| (any_of(classes), format!("{name} can be bought as {market}.")))
    } else {
        rule.fail(|| (any_of(classes), format!("{name} cannot be bought as {market}.")))
    })
}

/// The tenancy against the type. Macs run on Dedicated Hosts only (EC2 User Guide, "Amazon EC2 Mac
/// instances"); that is said even when no tenancy is asked for. Which code EC2 answers with is not
/// confirmed.
pub(super) fn tenancy<A: Answer>(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<A> {
    let name = &type_facts.instance_type;
    let mac = type_facts.processor.supported_architectures.iter().any(|architecture| architecture.ends_with("_mac"));
    let wanted = wish.tenancy.as_deref();
    let rule = Rule::of(&TENANCY, wanted);
    let host = rule.remedy("Allocate a Dedicated Host of this type, and launch with tenancy host.");
    let Some(tenancy) = wanted else {
        return mac.then(|| {
            host.warn(|| {
                let message =
                    format!("{name} runs on a Dedicated Host only, which is allocated for at least 24 hours.");
                ("host", message)
            })
        });
    };
    Some(match tenancy {
        "default" | "dedicated" if mac => host.fail(|| ("host", format!("{name} runs on a Dedicated Host only."))),
        "default" => rule.pass(|| ("", format!("{name} runs with the default tenancy."))),
        "dedicated" => rule.unknown(|| ("", "EC2's facts do not say which types run as Dedicated Instances.")),
        "host" => match type_facts.dedicated_hosts_supported {
            Some(true) => rule.pass(|| ("host", format!("{name} runs on Dedicated Hosts."))),
            Some(false) => rule.fail(|| ("default or dedicated", format!("{name} does not run on Dedicated Hosts."))),
            None => rule
                .at("instance_type.dedicated_hosts_supported", None::<bool>)
                .unknown(|| ("true", format!("EC2 does not say whether {name} runs on Dedicated Hosts."))),
        },
        _ => rule.unknown(|| ("default, dedicated or host", "This tenancy is not known here.")),
    })
}

/// Whether the type can run Nitro Enclaves. Which code EC2 answers with is not confirmed.
pub(super) fn enclave<A: Answer>(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<A> {
    if !wish.enclave {
        return None;
    }
    let name = &type_facts.instance_type;
    let support = type_facts.nitro_enclaves_support.as_deref();
    let rule = Rule::of(&ENCLAVE, support);
    Some(match support {
        Some("supported") => rule.pass(|| ("supported", format!("{name} runs Nitro Enclaves."))),
        Some("unsupported") => rule.fail(|| ("supported", format!("{name} cannot run Nitro Enclaves."))),
        _ => rule.unknown(|| ("supported", format!("EC2 does not say whether {name} runs Nitro Enclaves."))),
    })
}

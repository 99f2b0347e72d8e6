//! Rules about what is wanted beside a mere boot: market, tenancy and enclaves. Hibernation, which
//! has a list of conditions, is beside this in `hibernation`.

use super::Wish;
use super::words::{ABSENT, Rule, any_of, seen};
use crate::ec2::facts::InstanceTypeFacts;
use crate::record::Finding;

/// The purchase option against the type's usage classes.
pub(super) fn market(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<Finding> {
    let market = wish.market.as_deref()?;
    let name = &type_facts.instance_type;
    let classes = &type_facts.supported_usage_classes;
    let code = "MARKET_NOT_SUPPORTED";
    let rule = Rule { code, field: "market", observed: market };
    Some(if classes.is_empty() {
        Rule { code, field: "instance_type.supported_usage_classes", observed: ABSENT }
            .unknown(market, format!("EC2 does not say how {name} can be bought."))
    } else if classes.iter().any(|class| class == market) {
        rule.pass(any_of(classes), format!("{name} can be bought as {market}."))
    } else {
        rule.fail(
            any_of(classes),
            format!("{name} cannot be bought as {market}."),
            "Choose another market, or a type that has this one.",
        )
    })
}

/// The tenancy against the type. Macs run on Dedicated Hosts only (EC2 User Guide, "Amazon EC2 Mac
/// instances"); that is said even when no tenancy is asked for.
pub(super) fn tenancy(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<Finding> {
    let name = &type_facts.instance_type;
    let code = "TENANCY_NOT_SUPPORTED";
    let mac = type_facts.processor.supported_architectures.iter().any(|architecture| architecture.ends_with("_mac"));
    let Some(tenancy) = wish.tenancy.as_deref() else {
        return mac.then(|| {
            Rule { code, field: "tenancy", observed: ABSENT }.warn(
                "host",
                format!("{name} runs on a Dedicated Host only, which is allocated for at least 24 hours."),
                "Allocate a Dedicated Host of this type, and launch with tenancy host.",
            )
        });
    };
    let rule = Rule { code, field: "tenancy", observed: tenancy };
    Some(match tenancy {
        "default" | "dedicated" if mac => rule.fail(
            "host",
            format!("{name} runs on a Dedicated Host only."),
            "Allocate a Dedicated Host of this type, and launch with tenancy host.",
        ),
        "default" | "dedicated" => rule.pass("", format!("Tenancy {tenancy} does not depend on {name}.")),
        "host" => match type_facts.dedicated_hosts_supported {
            Some(true) => rule.pass("host", format!("{name} runs on Dedicated Hosts.")),
            Some(false) => rule.fail(
                "default or dedicated",
                format!("{name} does not run on Dedicated Hosts."),
                "Choose another tenancy, or a type that runs on Dedicated Hosts.",
            ),
            None => Rule { code, field: "instance_type.dedicated_hosts_supported", observed: ABSENT }
                .unknown("true", format!("EC2 does not say whether {name} runs on Dedicated Hosts.")),
        },
        _ => rule.unknown("default, dedicated or host", "This tenancy is not known here."),
    })
}

/// Whether the type can run Nitro Enclaves.
pub(super) fn enclave(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<Finding> {
    if !wish.enclave {
        return None;
    }
    let name = &type_facts.instance_type;
    let support = type_facts.nitro_enclaves_support.as_deref();
    let rule =
        Rule { code: "ENCLAVE_NOT_SUPPORTED", field: "instance_type.nitro_enclaves_support", observed: seen(support) };
    Some(match support {
        Some("supported") => rule.pass("supported", format!("{name} runs Nitro Enclaves.")),
        Some("unsupported") => rule.fail(
            "supported",
            format!("{name} cannot run Nitro Enclaves."),
            "Choose a virtualized Nitro type that supports enclaves.",
        ),
        _ => rule.unknown("supported", format!("EC2 does not say whether {name} runs Nitro Enclaves.")),
    })
}

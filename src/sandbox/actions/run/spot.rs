//! `InstanceMarketOptions`: whether a Spot Instance is asked for, and how (EC2 API Reference,
//! `SpotMarketOptions`).

use crate::sandbox::cloud::SpotOptions;
use crate::sandbox::instance_types::InstanceType;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;

/// Millionths of a USD in one.
const MICROS: u64 = 1_000_000;
/// A lower `MaxPrice` than USD 0.001 is no price.
const PRICE_MICROS_MIN: u64 = 1_000;
/// The lowest Spot price of one vCPU and of one GiB of memory for an hour. They give prices below
/// those that EC2 was seen to ask, and of the right order.
const VCPU_MICROS: u64 = 4_000;
const GIB_MICROS: u64 = 500;
/// Burstable types cost so many times less.
const BURSTABLE_DIVISOR: u64 = 4;

/// The Spot request, or `None` for an On-Demand launch.
pub(super) fn read(
    params: &Node,
    instance_type: &InstanceType,
    hibernation: bool,
) -> Result<Option<SpotOptions>, Ec2Error> {
    let Some(market) = params.member("InstanceMarketOptions") else { return Ok(None) };
    market.allow_only(&["MarketType", "SpotOptions"])?;
    let options = market.member("SpotOptions");
    match market.text("MarketType") {
        Some("spot") => {}
        Some("on-demand") if options.is_none() => return Ok(None),
        None if options.is_none() => return Ok(None),
        None | Some("on-demand") => {
            return Err(Ec2Error::combination("The parameter SpotOptions requires the market type 'spot'"));
        }
        Some(other @ ("capacity-block" | "interruptible-capacity-reservation")) => {
            return Err(Ec2Error::not_served(&format!("the market type '{other}'")));
        }
        Some(other) => {
            let why = "Expected one of: spot, capacity-block, interruptible-capacity-reservation.";
            return Err(Ec2Error::invalid("InstanceMarketOptions.MarketType", other, why));
        }
    }
    let automatic = if hibernation { "hibernate" } else { "terminate" };
    let mut spot = SpotOptions { interruption_behavior: automatic.to_owned(), ..SpotOptions::default() };
    let Some(options) = options else { return Ok(Some(spot)) };
    // Spot blocks ended in 2022.
    options.refuse(&["BlockDurationMinutes"])?;
    options.allow_only(&["InstanceInterruptionBehavior", "MaxPrice", "SpotInstanceType", "ValidUntil"])?;
    spot.persistent = options.choice("SpotInstanceType", &["one-time", "persistent"])? == Some("persistent");
    let asked = options.choice("InstanceInterruptionBehavior", &["hibernate", "stop", "terminate"])?;
    if hibernation && asked.is_some_and(|behavior| behavior != "hibernate") {
        let message = "An instance that is configured for hibernation must have the interruption behavior 'hibernate'.";
        return Err(Ec2Error::combination(message));
    }
    if let Some(behavior) = asked {
        behavior.clone_into(&mut spot.interruption_behavior);
    }
    if spot.persistent && spot.interruption_behavior == "terminate" {
        let message = "Persistent Spot Instance requests are only supported when the instance interruption behavior is \
                       either hibernate or stop.";
        return Err(Ec2Error::combination(message));
    }
    if !spot.persistent && asked.is_some_and(|behavior| behavior != "terminate") && !hibernation {
        let message =
            format!("The interruption behavior '{}' requires a persistent request.", spot.interruption_behavior);
        return Err(Ec2Error::combination(message));
    }
    if let Some(until) = options.text("ValidUntil") {
        if !spot.persistent {
            let message = "The parameter ValidUntil is supported for persistent requests only.";
            return Err(Ec2Error::combination(message));
        }
        if until.parse::<crate::clock::Timestamp>().is_err() {
            return Err(Ec2Error::invalid("validUntil", until, "Expected a time such as 2026-10-01T00:00:00Z."));
        }
        spot.valid_until = Some(until.to_owned());
    }
    if let Some(price) = options.text("MaxPrice") {
        check_price(price, instance_type)?;
        spot.max_price = Some(price.to_owned());
    }
    Ok(Some(spot))
}

fn check_price(text: &str, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let price = micros(text).filter(|price| *price >= PRICE_MICROS_MIN).ok_or_else(|| {
        let why = format!("\"{text}\" is an invalid spot instance price");
        Ec2Error::invalid("price", text, &why)
    })?;
    let floor = floor(instance_type);
    if price < floor {
        let message = format!(
            "Your Spot request price of {text} is lower than the minimum required Spot request fulfillment price of \
             {}.{:04}.",
            floor / MICROS,
            floor % MICROS / 100
        );
        return Err(Ec2Error::new("SpotMaxPriceTooLow", message));
    }
    Ok(())
}

/// The Spot price of an hour of `instance_type`, in millionths of a USD.
fn floor(instance_type: &InstanceType) -> u64 {
    let price = instance_type.vcpus() * VCPU_MICROS + instance_type.memory_mib() * GIB_MICROS / 1024;
    let divisor = if instance_type.is_burstable() { BURSTABLE_DIVISOR } else { 1 };
    (price / divisor).max(PRICE_MICROS_MIN)
}

/// A decimal number of USD, in millionths; what is beyond them is cut off.
fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let padded: String = fraction.chars().chain("000000".chars()).take(6).collect();
    whole.checked_mul(MICROS)?.checked_add(padded.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly() {
        for (text, price) in [
            ("0.05", Some(50_000)),
            ("1", Some(1_000_000)),
            (".5", Some(500_000)),
            ("0.0000019", Some(1)),
            ("", None),
            (".", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(micros(text), price, "{text}");
        }
    }
}

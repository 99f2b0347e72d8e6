//! How long instances take: times drawn at launch from a seed, by root device, type and image.
//!
//! The middles are what EC2's guides and people's measurements say: under a minute from an EBS
//! root, several from S3 (User Guide, "Root volumes"), several for Windows and for bare metal, 6 to
//! 20 for a Mac. Draws are integers, so that a seed gives the same times on every machine.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Launched;

/// When things happen, in milliseconds after a boot began (launch, or start) or after the request
/// for a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BootTimes {
    pub(crate) running_ms: u64,
    pub(crate) system_ok_ms: u64,
    pub(crate) instance_ok_ms: u64,
    pub(crate) shutdown_ms: u64,
}

/// The middle of a distribution, in milliseconds: until running, from there to the system check,
/// and from there to the instance check.
struct Middles {
    pending: u64,
    system: u64,
    instance: u64,
}

/// A stop flushes file systems and detaches volumes, a termination does not wait for either.
const STOP_FACTOR: u64 = 4;
/// A hibernation also writes the memory to the root volume.
const HIBERNATE_FACTOR: u64 = 8;

impl BootTimes {
    /// Draws the times of one instance. `slowness` multiplies the way to running and ready;
    /// `speed` divides everything.
    pub(crate) fn draw(instance_id: &str, seed: u64, launch: &Launched, slowness: f64, speed: f64) -> Self {
        let mut rng = ChaCha8Rng::from_seed(Sha256::digest(format!("boot {seed} {instance_id}")).into());
        // Images and types have their own pace: the same image boots alike every time.
        let pace = pace(seed, &launch.image_id) * pace(seed, &launch.instance_type) / 1000;
        let mut around = |middle_ms: u64, factor: f64| {
            let drawn = middle_ms * pace / 1000 * spread(&mut rng) / 1000;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "milliseconds of hours at most, and the factors are positive"
            )]
            let scaled = (drawn as f64 * factor / speed) as u64;
            scaled
        };
        let Middles { pending, system, instance } = middles(launch);
        let running_ms = around(pending, slowness);
        let system_ok_ms = running_ms.saturating_add(around(system, slowness));
        let instance_ok_ms = system_ok_ms.saturating_add(around(instance, slowness));
        Self { running_ms, system_ok_ms, instance_ok_ms, shutdown_ms: around(6_000, 1.0) }
    }

    /// From a reboot until the instance answers again.
    pub(crate) fn restart_ms(&self) -> u64 {
        self.instance_ok_ms.saturating_sub(self.running_ms)
    }

    /// From the request to stop until it is stopped.
    pub(crate) fn stop_ms(&self, hibernate: bool) -> u64 {
        self.shutdown_ms.saturating_mul(if hibernate { HIBERNATE_FACTOR } else { STOP_FACTOR })
    }
}

fn middles(launch: &Launched) -> Middles {
    let (pending, system, instance) = if launch.root_device_type == "instance-store" {
        (170_000, 30_000, 40_000)
    } else if launch.architecture.ends_with("_mac") {
        (60_000, 300_000, 360_000)
    } else if launch.instance_type.contains(".metal") {
        (20_000, 240_000, 120_000)
    } else if launch.platform.is_some() {
        (9_000, 60_000, 110_000)
    } else {
        (8_000, 20_000, 12_000)
    };
    Middles { pending, system, instance }
}

/// Between 0.95 and 1.05 in thousandths, fixed for one image or type.
fn pace(seed: u64, of: &str) -> u64 {
    let digest = Sha256::digest(format!("pace {seed} {of}"));
    950 + u64::from(u16::from_be_bytes([digest[0], digest[1]])) * 100 / 65_535
}

/// Around 1 in thousandths: the sum of four even draws, which is close to a bell, and one boot in
/// fifty with up to half as much again, as happens to real ones.
fn spread(rng: &mut ChaCha8Rng) -> u64 {
    let even = |rng: &mut ChaCha8Rng, below: u64| (u64::from(rng.next_u32()) * below) >> 32;
    let bell: u64 = (0..4).map(|_| even(rng, 51)).sum();
    let straggles = even(rng, 50) == 0;
    let extra = even(rng, 501);
    900 + bell + if straggles { extra } else { 0 }
}

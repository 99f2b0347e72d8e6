//! `gantry launches show --decode`: what EC2's encoded messages say.
//!
//! They are decoded here and not by the server: their content is privileged, and so everybody reads
//! what their own credentials may.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::cli::failure::Failure;
use crate::client::pb;
use crate::ids::Region;
use crate::server::denial::{decode, encoded_in, with_decoded};

/// Decodes every encoded message in a launch, each once.
pub(super) async fn decode_all(launch: &mut pb::Launch) -> Result<(), Failure> {
    let region: Region = launch.region.parse()?;
    let mut known: HashMap<String, String> = HashMap::new();
    for text in texts(launch) {
        let Some(encoded) = encoded_in(text).map(str::to_owned) else { continue };
        let document = match known.entry(encoded) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let document = decode(vacant.key(), &region).await?;
                vacant.insert(document)
            }
        };
        *text = with_decoded(text, document);
    }
    Ok(())
}

/// Where EC2's words stand.
fn texts(launch: &mut pb::Launch) -> impl Iterator<Item = &mut String> {
    let findings = launch.decision.iter_mut().flat_map(|decision| &mut decision.findings);
    let errors = launch.attempts.iter_mut().filter_map(|attempt| attempt.error.as_mut());
    let reason = launch.state_reason.iter_mut();
    (findings.map(|finding| &mut finding.message))
        .chain(errors.map(|error| &mut error.message))
        .chain(reason.map(|reason| &mut reason.message))
}

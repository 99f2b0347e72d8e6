//! DescribeSubnets and DescribeAvailabilityZones.

use super::{Client, FILTER_VALUES_MAX, filter};
use crate::ec2::call::{Page, all_pages, send};
use crate::ec2::facts::{AvailabilityZoneFacts, SubnetFacts};
use crate::ec2::{Ec2Error, convert};
use crate::ids::SubnetId;

/// Subnets on one page, EC2's maximum.
const PAGE_SUBNETS_MAX: i32 = 1_000;

impl Client {
    /// The named subnets. One that does not exist is missing from the answer: asked by filter and
    /// not by id, it does not fail the others.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn subnets(&self, ids: &[SubnetId]) -> Result<Vec<SubnetFacts>, Ec2Error> {
        let mut found = Vec::new();
        for part in ids.chunks(FILTER_VALUES_MAX) {
            let request = self
                .sdk()
                .describe_subnets()
                .filters(filter("subnet-id", part.iter().map(SubnetId::as_str)))
                .max_results(PAGE_SUBNETS_MAX);
            let subnets = all_pages(part.len(), |token| {
                let request = request.clone().set_next_token(token);
                async move {
                    let answer = send!(self, request)?;
                    let items = answer.subnets.unwrap_or_default().into_iter().filter_map(convert::subnet).collect();
                    Ok(Page { items, next_token: answer.next_token })
                }
            });
            found.extend(subnets.await?);
        }
        Ok(found)
    }

    /// The zones of the Region that are enabled for the account. EC2 does not page them.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn availability_zones(&self) -> Result<Vec<AvailabilityZoneFacts>, Ec2Error> {
        let answer = send!(self, self.sdk().describe_availability_zones())?;
        let zones = answer.availability_zones.unwrap_or_default();
        Ok(zones.into_iter().filter_map(convert::availability_zone).collect())
    }
}

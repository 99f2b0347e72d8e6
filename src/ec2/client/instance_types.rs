//! DescribeInstanceTypes and DescribeInstanceTypeOfferings.

use std::collections::BTreeSet;

use aws_sdk_ec2::operation::describe_instance_type_offerings::builders::DescribeInstanceTypeOfferingsFluentBuilder;
use aws_sdk_ec2::operation::describe_instance_types::builders::DescribeInstanceTypesFluentBuilder;

use super::{Client, FILTER_VALUES_MAX, filter};
use crate::ec2::call::{Page, all_pages, send};
use crate::ec2::facts::{InstanceTypeFacts, Offering};
use crate::ec2::{Ec2Error, convert};
use crate::ids::InstanceType;

/// Types on one page, EC2's maximum.
const PAGE_TYPES_MAX: i32 = 100;
/// Offerings on one page, EC2's maximum.
const PAGE_OFFERINGS_MAX: i32 = 1_000;
/// Names in one question by name.
const CALL_TYPES_MAX: usize = 100;
/// More types than EC2 will have for a long time; there are some 1,400.
const TYPES_MAX: usize = 20_000;
/// More than every type in every zone of the largest Region.
const OFFERINGS_MAX: usize = 200_000;

/// What a row of offerings is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocationType {
    /// The Region as a whole.
    Region,
    /// Zones by name.
    AvailabilityZone,
    /// Zones by id, which mean the same zone in every account.
    AvailabilityZoneId,
}

impl LocationType {
    fn sdk(self) -> aws_sdk_ec2::types::LocationType {
        match self {
            Self::Region => aws_sdk_ec2::types::LocationType::Region,
            Self::AvailabilityZone => aws_sdk_ec2::types::LocationType::AvailabilityZone,
            Self::AvailabilityZoneId => aws_sdk_ec2::types::LocationType::AvailabilityZoneId,
        }
    }
}

impl Client {
    /// Every instance type of the Region.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn describe_instance_types(&self) -> Result<Vec<InstanceTypeFacts>, Ec2Error> {
        self.types_pages(self.sdk().describe_instance_types()).await
    }

    /// The named types, in EC2's order. A name that the Region does not know is missing from the
    /// answer: asked by filter and not by name, it does not fail the others.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn instance_types_named(&self, names: &[InstanceType]) -> Result<Vec<InstanceTypeFacts>, Ec2Error> {
        let mut found = Vec::new();
        for part in distinct(names).chunks(CALL_TYPES_MAX) {
            let request = self.sdk().describe_instance_types().filters(filter("instance-type", part.iter().copied()));
            found.extend(self.types_pages(request).await?);
        }
        Ok(found)
    }

    /// Where the named types are offered. A type that is offered nowhere is missing.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn offerings(
        &self,
        location_type: LocationType,
        names: &[InstanceType],
    ) -> Result<Vec<Offering>, Ec2Error> {
        let mut found = Vec::new();
        for part in distinct(names).chunks(FILTER_VALUES_MAX) {
            let request = self.sdk().describe_instance_type_offerings().location_type(location_type.sdk());
            found.extend(self.offerings_pages(request.filters(filter("instance-type", part.iter().copied()))).await?);
        }
        Ok(found)
    }

    /// Where every type of the Region is offered.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn all_offerings(&self, location_type: LocationType) -> Result<Vec<Offering>, Ec2Error> {
        self.offerings_pages(self.sdk().describe_instance_type_offerings().location_type(location_type.sdk())).await
    }

    async fn offerings_pages(
        &self,
        request: DescribeInstanceTypeOfferingsFluentBuilder,
    ) -> Result<Vec<Offering>, Ec2Error> {
        let request = request.max_results(PAGE_OFFERINGS_MAX);
        all_pages(OFFERINGS_MAX, |token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = send!(self, request)?;
                let items = answer.instance_type_offerings.unwrap_or_default();
                let items = items.into_iter().filter_map(convert::offering).collect();
                Ok(Page { items, next_token: answer.next_token })
            }
        })
        .await
    }

    async fn types_pages(
        &self,
        request: DescribeInstanceTypesFluentBuilder,
    ) -> Result<Vec<InstanceTypeFacts>, Ec2Error> {
        let request = request.max_results(PAGE_TYPES_MAX);
        all_pages(TYPES_MAX, |token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = send!(self, request)?;
                let items = answer.instance_types.unwrap_or_default();
                let items = items.into_iter().filter_map(convert::instance_type).collect();
                Ok(Page { items, next_token: answer.next_token })
            }
        })
        .await
    }
}

fn distinct(names: &[InstanceType]) -> Vec<&str> {
    names.iter().map(InstanceType::as_str).collect::<BTreeSet<_>>().into_iter().collect()
}

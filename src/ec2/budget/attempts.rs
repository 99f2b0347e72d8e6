//! What the SDK does by itself while a call is under way: it repeats some, and EC2 may refuse each
//! for its rate. Both are counted, because a bucket is right only if it knows every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_ec2::config::interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef};
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;

use super::{Api, Budgets};
use crate::ec2::ErrorClass;
use crate::ec2::errors::{code_in, meaning_of};

/// Watches the attempts of one call, the first of which is paid for. Clones watch the same call.
#[derive(Debug, Clone)]
pub(in crate::ec2) struct Attempts {
    budgets: Budgets,
    api: Api,
    begun: Arc<AtomicBool>,
}

impl Attempts {
    pub(in crate::ec2) fn new(budgets: &Budgets, api: Api) -> Self {
        Self { budgets: budgets.clone(), api, begun: Arc::default() }
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.begun.swap(true, Ordering::Relaxed) {
            self.budgets.count_repeat(self.api);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(code) = context.response().and_then(code_in)
            && meaning_of(code).class == ErrorClass::Throttled
        {
            self.budgets.throttled(self.api, code);
        }
        Ok(())
    }
}

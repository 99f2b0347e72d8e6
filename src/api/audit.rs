//! AuditService: what is on record, and the proof of it.

mod export;
mod prove;
mod tail;

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::convert::{LocatedEntry, ViolationReason, Violations, record_kind, record_verdict, time_range};
use super::page::{Page, next_page_token, page};
use super::status::{Failure, Missing};
use super::{Services, blocking, pb};
use crate::audit::{Order, ReadError, Record, RecordQuery};

/// AuditService.
#[derive(Debug)]
pub(super) struct Audit {
    services: Services,
    /// A place for each stream.
    streams: Arc<Semaphore>,
}

type Records<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Audit {
    pub(super) fn new(services: Services) -> Self {
        Self { services, streams: Arc::new(Semaphore::new(tail::STREAMS_MAX)) }
    }

    /// Empty means this server's own log, which is the only one there is.
    fn check_log(&self, log_id: &str) -> Result<(), Failure> {
        if log_id.is_empty() || log_id == self.services.log.log_id() {
            Ok(())
        } else {
            Err(Failure::NotFound(Missing::Log(log_id.to_owned())))
        }
    }

    async fn list(&self, request: pb::ListRecordsRequest) -> Result<pb::ListRecordsResponse, Failure> {
        let mut violations = Violations::new();
        let query = conditions(&request.conditions(), &mut violations);
        let (start, end) = time_range(request.start_time.as_ref(), request.end_time.as_ref(), &mut violations);
        let order = match request.order_by.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] | ["index", "desc"] => Order::NewestFirst,
            ["index"] | ["index", "asc"] => Order::OldestFirst,
            _ => {
                violations.add("order_by", ViolationReason::InvalidOrderBy, "expected index, or index desc");
                Order::NewestFirst
            }
        };
        let page: Page<u64> = page(&request, &mut violations);
        violations.finish(Some(()))?;
        self.check_log(&request.log_id)?;
        let query = RecordQuery { start, end, order, limit: page.size, from: page.after, ..query };
        let log = self.services.log.clone();
        let found = blocking(move || log.records(&query)).await??;
        let log_id = self.services.log.log_id();
        Ok(pb::ListRecordsResponse {
            records: found.records.iter().map(|record| message(log_id, record)).collect(),
            next_page_token: found.next.map(|next| next_page_token(&request, &next)).unwrap_or_default(),
        })
    }

    async fn get(&self, request: &pb::GetRecordRequest) -> Result<pb::GetRecordResponse, Failure> {
        self.check_log(&request.log_id)?;
        let (log, index) = (self.services.log.clone(), request.index);
        let found = blocking(move || match log.record(index) {
            Err(ReadError::Pruned { .. }) => {
                Err(Failure::CursorExpired { oldest: Some(log.first_kept_index().to_string()) })
            }
            found => Ok(found?),
        });
        let record = found.await??;
        let record = record.ok_or(Failure::NotFound(Missing::Record(request.index)))?;
        Ok(pb::GetRecordResponse {
            record: Some(message(self.services.log.log_id(), &record)),
            leaf_hash: record.leaf_hash.to_vec(),
            leaf: record.leaf,
        })
    }
}

fn message(log_id: &str, record: &Record) -> pb::AuditRecord {
    LocatedEntry { log_id, index: record.index, entry: &record.entry }.into()
}

/// The conditions that ListRecords and TailRecords have in common.
struct Conditions<'a> {
    kind: i32,
    principal: &'a str,
    account_id: &'a str,
    region: &'a str,
    image_id: &'a str,
    launch_id: &'a str,
    instance_id: &'a str,
    verdict: i32,
}

macro_rules! conditions_of {
    ($message:ty) => {
        impl $message {
            fn conditions(&self) -> Conditions<'_> {
                Conditions {
                    kind: self.kind,
                    principal: &self.principal,
                    account_id: &self.account_id,
                    region: &self.region,
                    image_id: &self.image_id,
                    launch_id: &self.launch_id,
                    instance_id: &self.instance_id,
                    verdict: self.verdict,
                }
            }
        }
    };
}

conditions_of!(pb::ListRecordsRequest);
conditions_of!(pb::TailRecordsRequest);

fn conditions(from: &Conditions<'_>, violations: &mut Violations) -> RecordQuery {
    let kind = match from.kind {
        0 => None,
        number => record_kind("kind", number, violations),
    };
    let verdict = match from.verdict {
        0 => None,
        number => record_verdict("verdict", number, violations),
    };
    RecordQuery {
        kinds: kind.into_iter().collect(),
        principal: violations.optional_id("principal", from.principal),
        account_id: violations.optional_id("account_id", from.account_id),
        region: violations.optional_id("region", from.region),
        image_id: violations.optional_id("image_id", from.image_id),
        launch_id: violations.optional_id("launch_id", from.launch_id),
        instance_id: violations.optional_id("instance_id", from.instance_id),
        verdict,
        ..RecordQuery::default()
    }
}

#[tonic::async_trait]
impl pb::audit_service_server::AuditService for Audit {
    type TailRecordsStream = Records<pb::TailRecordsResponse>;
    type ExportRecordsStream = Records<pb::ExportRecordsResponse>;

    async fn list_records(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_record(
        &self,
        request: Request<pb::GetRecordRequest>,
    ) -> Result<Response<pb::GetRecordResponse>, Status> {
        Ok(Response::new(self.get(request.get_ref()).await?))
    }

    async fn tail_records(
        &self,
        request: Request<pb::TailRecordsRequest>,
    ) -> Result<Response<Self::TailRecordsStream>, Status> {
        Ok(Response::new(self.tail(request.get_ref())?))
    }

    async fn get_log_info(
        &self,
        _request: Request<pb::GetLogInfoRequest>,
    ) -> Result<Response<pb::GetLogInfoResponse>, Status> {
        Ok(Response::new(self.log_info().await?))
    }

    async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> Result<Response<pb::GetCheckpointResponse>, Status> {
        Ok(Response::new(self.checkpoint(request.get_ref())?))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<pb::GetInclusionProofRequest>,
    ) -> Result<Response<pb::GetInclusionProofResponse>, Status> {
        Ok(Response::new(self.inclusion(request.into_inner()).await?))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<pb::GetConsistencyProofRequest>,
    ) -> Result<Response<pb::GetConsistencyProofResponse>, Status> {
        Ok(Response::new(self.consistency(request.into_inner()).await?))
    }

    async fn export_records(
        &self,
        request: Request<pb::ExportRecordsRequest>,
    ) -> Result<Response<Self::ExportRecordsStream>, Status> {
        Ok(Response::new(self.export(request.get_ref())?))
    }
}

//! AuditService: what is on record.

use std::pin::Pin;

use futures::Stream;
use tonic::{Request, Response, Status};

use super::convert::{LocatedEntry, ViolationReason, Violations, record_kind, record_verdict, time_range};
use super::page::{Page, next_page_token, page};
use super::status::{Failure, Missing};
use super::{Services, blocking, pb};
use crate::audit::{Order, Record, RecordQuery};

/// AuditService.
#[derive(Debug)]
pub(super) struct Audit {
    services: Services,
}

type Records<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Audit {
    pub(super) fn new(services: Services) -> Self {
        Self { services }
    }

    /// Empty means this server's own log, which is the only one there is.
    fn check_log(&self, log_id: &str) -> Result<(), Failure> {
        if log_id.is_empty() || log_id == self.services.log.log_id() {
            Ok(())
        } else {
            Err(Failure::NotFound(Missing::Log(log_id.to_owned())))
        }
    }

    fn message(&self, record: &Record) -> pb::AuditRecord {
        LocatedEntry { log_id: self.services.log.log_id(), index: record.index, entry: &record.entry }.into()
    }

    async fn list(&self, request: pb::ListRecordsRequest) -> Result<pb::ListRecordsResponse, Failure> {
        let mut violations = Violations::new();
        let kind = match request.kind {
            0 => None,
            number => record_kind("kind", number, &mut violations),
        };
        let verdict = match request.verdict {
            0 => None,
            number => record_verdict("verdict", number, &mut violations),
        };
        let principal = violations.optional_id("principal", &request.principal);
        let account_id = violations.optional_id("account_id", &request.account_id);
        let region = violations.optional_id("region", &request.region);
        let image_id = violations.optional_id("image_id", &request.image_id);
        let launch_id = violations.optional_id("launch_id", &request.launch_id);
        let instance_id = violations.optional_id("instance_id", &request.instance_id);
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
        let query = RecordQuery {
            kinds: kind.into_iter().collect(),
            principal,
            account_id,
            region,
            image_id,
            launch_id,
            instance_id,
            verdict,
            start,
            end,
            order,
            limit: page.size,
            from: page.after,
        };
        let log = self.services.log.clone();
        let found = blocking(move || log.records(&query)).await??;
        Ok(pb::ListRecordsResponse {
            records: found.records.iter().map(|record| self.message(record)).collect(),
            next_page_token: found.next.map(|next| next_page_token(&request, &next)).unwrap_or_default(),
        })
    }

    fn get(&self, request: &pb::GetRecordRequest) -> Result<pb::GetRecordResponse, Failure> {
        self.check_log(&request.log_id)?;
        let record = self.services.log.record(request.index)?;
        let record = record.ok_or(Failure::NotFound(Missing::Record(request.index)))?;
        Ok(pb::GetRecordResponse {
            record: Some(self.message(&record)),
            leaf_hash: record.leaf_hash.to_vec(),
            leaf: record.leaf,
        })
    }
}

fn not_implemented<T>(what: &'static str) -> Result<T, Status> {
    Err(Failure::NotImplemented { what }.into())
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
        Ok(Response::new(self.get(request.get_ref())?))
    }

    async fn tail_records(
        &self,
        _request: Request<pb::TailRecordsRequest>,
    ) -> Result<Response<Self::TailRecordsStream>, Status> {
        not_implemented("TailRecords")
    }

    async fn get_log_info(
        &self,
        _request: Request<pb::GetLogInfoRequest>,
    ) -> Result<Response<pb::GetLogInfoResponse>, Status> {
        not_implemented("GetLogInfo")
    }

    async fn get_checkpoint(
        &self,
        _request: Request<pb::GetCheckpointRequest>,
    ) -> Result<Response<pb::GetCheckpointResponse>, Status> {
        not_implemented("GetCheckpoint")
    }

    async fn get_inclusion_proof(
        &self,
        _request: Request<pb::GetInclusionProofRequest>,
    ) -> Result<Response<pb::GetInclusionProofResponse>, Status> {
        not_implemented("GetInclusionProof")
    }

    async fn get_consistency_proof(
        &self,
        _request: Request<pb::GetConsistencyProofRequest>,
    ) -> Result<Response<pb::GetConsistencyProofResponse>, Status> {
        not_implemented("GetConsistencyProof")
    }

    async fn export_records(
        &self,
        _request: Request<pb::ExportRecordsRequest>,
    ) -> Result<Response<Self::ExportRecordsStream>, Status> {
        not_implemented("ExportRecords")
    }
}

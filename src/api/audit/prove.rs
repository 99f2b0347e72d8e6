//! GetLogInfo, GetCheckpoint and the proofs: what an auditor needs to trust nobody.

use super::Audit;
use crate::api::convert::{ViolationReason, Violations};
use crate::api::status::Failure;
use crate::api::{blocking, pb};

impl Audit {
    pub(super) async fn log_info(&self) -> Result<pb::GetLogInfoResponse, Failure> {
        let log = self.services.log.clone();
        let info = move || pb::LogInfo {
            log_id: log.log_id().to_owned(),
            origin: log.origin().to_owned(),
            verifier_keys: log.verifier_keys().all().to_vec(),
            size: log.size(),
            first_kept_index: log.first_kept_index(),
        };
        Ok(pb::GetLogInfoResponse { logs: vec![blocking(info).await?] })
    }

    pub(super) fn checkpoint(&self, request: &pb::GetCheckpointRequest) -> Result<pb::GetCheckpointResponse, Failure> {
        self.check_log(&request.log_id)?;
        let checkpoint = self.services.log.checkpoint();
        Ok(pb::GetCheckpointResponse {
            checkpoint: checkpoint.note.clone(),
            size: checkpoint.size,
            root_hash: checkpoint.root_hash.to_vec(),
            cosigned_checkpoint: self
                .services
                .log
                .cosigned_checkpoint()
                .map(|note| note.to_bytes())
                .unwrap_or_default(),
        })
    }

    pub(super) async fn inclusion(
        &self,
        request: pb::GetInclusionProofRequest,
    ) -> Result<pb::GetInclusionProofResponse, Failure> {
        self.check_log(&request.log_id)?;
        let log = self.services.log.clone();
        // One checkpoint for all: a later one would not fit the proof.
        let checkpoint = log.checkpoint();
        let tree_size = if request.tree_size == 0 { checkpoint.size } else { request.tree_size };
        let proof = blocking(move || log.inclusion_proof(request.index, tree_size)).await??;
        Ok(pb::GetInclusionProofResponse {
            index: proof.index,
            tree_size: proof.tree_size,
            tlog_proof: proof.to_text(&checkpoint).unwrap_or_default(),
            leaf_hash: proof.leaf_hash.to_vec(),
            hashes: proof.hashes.iter().map(|hash| hash.to_vec()).collect(),
            root_hash: proof.root_hash.to_vec(),
        })
    }

    pub(super) async fn consistency(
        &self,
        request: pb::GetConsistencyProofRequest,
    ) -> Result<pb::GetConsistencyProofResponse, Failure> {
        self.check_log(&request.log_id)?;
        let log = self.services.log.clone();
        let old_size = request.old_size;
        let new_size = if request.new_size == 0 { log.checkpoint().size } else { request.new_size };
        // A log shorter than one that the caller knows of is for the caller to worry about; an old size
        // above the new one that was given is a mistake.
        if new_size < old_size && request.new_size != 0 {
            let mut violations = Violations::new();
            let text = format!("expected at most new_size, which is {new_size}");
            violations.add("old_size", ViolationReason::InvalidField, text);
            violations.finish(None::<()>)?;
        }
        let proof = blocking(move || log.consistency_proof(old_size, new_size)).await??;
        Ok(pb::GetConsistencyProofResponse {
            old_size: proof.old_size,
            new_size: proof.new_size,
            hashes: proof.hashes.iter().map(|hash| hash.to_vec()).collect(),
            old_root_hash: proof.old_root_hash.to_vec(),
            new_root_hash: proof.new_root_hash.to_vec(),
        })
    }
}

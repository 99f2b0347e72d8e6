//! That a file reads back as what was written, with the crate's own reader.

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row, RowAccessor};

use super::*;
use crate::audit::export::tests::{exported, golden};

const STATE: LogState<'_> =
    LogState { origin: "gantry.example/audit", size: 12, checkpoint: "gantry.example/audit\n12\n\n— a b\n" };

/// A column of text, or none where there is none.
fn optional_text(row: &Row, column: usize) -> Option<&str> {
    match row.get_column_iter().nth(column).unwrap().1 {
        Field::Null => None,
        Field::Str(text) => Some(text),
        other => panic!("{other}"),
    }
}

#[test]
fn rows_read_back_as_they_were() {
    let golden = golden();
    let records = exported(&golden);
    let mut writer = ParquetWriter::new(tempfile::tempfile().unwrap(), &STATE).unwrap();
    writer.row_group(&records[..5]).unwrap();
    writer.row_group(&[]).unwrap();
    writer.row_group(&records[5..]).unwrap();
    let file = SerializedFileReader::new(writer.finish().unwrap()).unwrap();

    let metadata = file.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let pairs: Vec<_> = pairs.iter().map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap())).collect();
    assert_eq!(
        pairs,
        [("gantry.origin", STATE.origin), ("gantry.size", "12"), ("gantry.checkpoint", STATE.checkpoint)]
    );

    let rows: Vec<Row> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        let entry = record.entry;
        assert_eq!(row.get_ulong(0).unwrap(), record.index);
        assert_eq!(row.get_bytes(1).unwrap().data(), record.leaf_hash);
        assert_eq!(row.get_timestamp_micros(2).unwrap(), entry.time.as_microsecond());
        assert_eq!(row.get_string(3).unwrap(), entry.kind().as_str());
        assert_eq!(optional_text(row, 4), entry.launch_id.map(|id| id.to_string()).as_deref());
        assert_eq!(optional_text(row, 5), entry.principal.as_ref().map(|id| id.as_str()));
        assert_eq!(optional_text(row, 6), entry.account_id.as_ref().map(|id| id.as_str()));
        assert_eq!(optional_text(row, 7), entry.region.as_ref().map(|id| id.as_str()));
        let decision = decision(entry);
        assert_eq!(optional_text(row, 8), decision.and_then(Decision::image_id).map(|id| id.as_str()));
        assert_eq!(optional_text(row, 9), decision.map(|decision| decision.verdict.as_str()));
        let ids: Vec<String> =
            row.get_list(10).unwrap().elements().iter().map(|id| id.to_string().trim_matches('"').to_owned()).collect();
        assert_eq!(ids, instances_of(entry).map(|id| id.as_str().to_owned()).collect::<Vec<_>>());
        assert_eq!(row.get_string(11).unwrap().as_bytes(), record.leaf);
    }
    // The three kinds that name instances, one of them in two forms, the decisions with an image, and what the log says of itself.
    let with_instances = rows.iter().filter(|row| !row.get_list(10).unwrap().elements().is_empty()).count();
    assert_eq!(with_instances, 4);
    assert_eq!(rows.iter().filter(|row| optional_text(row, 8).is_some()).count(), 5);
    assert_eq!(rows.iter().filter(|row| optional_text(row, 6).is_none()).count(), 5);
}

#[test]
fn many_instances_stay_with_their_row() {
    let mut golden = golden();
    let ids = |from: u32, count: u32| (from..from + count).map(|n| format!("i-{n:017x}").parse().unwrap()).collect();
    golden.retain(|golden| golden.name == "termination");
    let termination = golden.remove(0);
    let with = |named: Vec<crate::ids::InstanceId>| {
        let mut entry = termination.entry.clone();
        let Event::Termination(termination) = &mut entry.event else { panic!() };
        termination.instance_ids = named;
        entry
    };
    let entries = [with(ids(0, 3)), with(Vec::new()), with(ids(3, 1)), with(Vec::new()), with(ids(4, 200))];
    let leaves = entries.each_ref().map(Entry::to_leaf);
    let records: Vec<Exported<'_>> = (u64::MAX - 4..=u64::MAX)
        .zip(leaves.iter().zip(&entries))
        .map(|(index, (leaf, entry))| Exported { index, leaf, leaf_hash: [7; 32], entry })
        .collect();
    let mut writer = ParquetWriter::new(tempfile::tempfile().unwrap(), &STATE).unwrap();
    writer.row_group(&records).unwrap();
    let file = SerializedFileReader::new(writer.finish().unwrap()).unwrap();
    let rows: Vec<Row> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let lengths: Vec<usize> = rows.iter().map(|row| row.get_list(10).unwrap().elements().len()).collect();
    assert_eq!(lengths, [3, 0, 1, 0, 200]);
    assert_eq!(rows[4].get_ulong(0).unwrap(), u64::MAX);
}

#[test]
fn a_leaf_that_is_no_text_and_a_full_disk_are_errors() {
    /// Takes so many bytes.
    struct Room(usize);
    impl Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let golden = golden();
    let mut records = exported(&golden);
    let written = |room: usize, records: &[Exported<'_>]| {
        let mut writer = ParquetWriter::new(Room(room), &STATE)?;
        writer.row_group(records)?;
        writer.finish().map(drop)
    };
    assert!(written(1 << 20, &records).is_ok());
    assert!(matches!(written(2000, &records), Err(ParquetExportError::Write(_))));
    records[3].leaf = b"\xff";
    assert!(matches!(written(1 << 20, &records), Err(ParquetExportError::NotText(3))));
}

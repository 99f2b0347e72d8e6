//! Images out of the JSON that the aws CLI prints for `aws ec2 describe-images`, so that anybody
//! can judge images without a server and without credentials.
//!
//! Read are the CLI's own output (`{"Images": [...]}`), what `--query Images[]` leaves of it (a
//! bare array), a single image, several of these one after another (pages, or a line each), and
//! boto3's answer written as JSON. Members that are not known are passed over, as the SDK does.
//! Names and forms of members are botocore's (EC2 API version 2016-11-15).
//!
//! Whoever wrote the file is not trusted: everything has a limit, an image with a wrong member is
//! left out and reported with all that is wrong in it, and the images after it are still read. What
//! a text must end with, valid JSON, is the one thing that ends the reading.

mod image;
mod members;

use std::fmt;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ec2::facts::Image;
use members::Wrong;

/// The largest input: ten times the 150,000 images of a large Region, which are some 300 MB.
pub const INPUT_BYTES_MAX: usize = 3 << 30;

/// The largest single image. A real one takes 1 to 4 KB, and 50 tags of the greatest length 25 KB.
pub const IMAGE_BYTES_MAX: usize = 1 << 20;

/// Violations that are kept with their words; further ones are only counted.
pub const VIOLATIONS_KEPT_MAX: usize = 50;

/// Members that an object beside `Images` may have. EC2's Image has 41.
const MEMBERS_MAX: usize = 256;

/// What was read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Images that were handed out.
    pub images: usize,
    /// Kernels (`aki-`) and RAM disks (`ari-`), which EC2 lists as images too. They are passed over.
    pub kernels_and_ramdisks: usize,
    /// Images that could not be read, because something in them is wrong.
    pub unreadable: usize,
    /// Members that are wrong, over all images.
    pub violation_count: usize,
    /// The first of them, at most [`VIOLATIONS_KEPT_MAX`].
    pub violations: Vec<Violation>,
}

/// One wrong member of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The place of the image in the input, from 0, counted over all arrays.
    pub index: usize,
    /// The image's id, if it has a text for one.
    pub image_id: Option<String>,
    /// The member: `BlockDeviceMappings[1].Ebs.VolumeSize`. Empty for the image as a whole.
    pub member: String,
    /// What is wrong with it.
    pub description: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Images[{}]", self.index)?;
        if let Some(id) = &self.image_id {
            write!(f, " ({id})")?;
        }
        if !self.member.is_empty() {
            write!(f, ": {}", self.member)?;
        }
        write!(f, ": {}", self.description)
    }
}

/// Why an input cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing in it.
    #[error("the input is empty")]
    Empty,
    /// It is larger than [`INPUT_BYTES_MAX`].
    #[error(
        "the input has {0} bytes, more than the {INPUT_BYTES_MAX} that are read: split it with --filters or --owners"
    )]
    TooLarge(usize),
    /// Windows PowerShell redirects in this encoding.
    #[error("the input is UTF-16, not UTF-8: in PowerShell, write it with | Out-File -Encoding utf8")]
    Utf16,
    /// It is not JSON, or not this JSON.
    #[error("the input is not what `aws ec2 describe-images --output json` prints")]
    Json(#[from] serde_json::Error),
}

/// Hands every image of `json` to `each`, in the order of the input, until `each` has enough.
///
/// # Errors
/// [`Unreadable`] where the text as a whole is of no use. Images before that place have been handed
/// out by then; [`Totals`] tells nothing of them.
pub fn read_images(json: &[u8], each: impl FnMut(Image) -> ControlFlow<()>) -> Result<Totals, Unreadable> {
    if json.len() > INPUT_BYTES_MAX {
        return Err(Unreadable::TooLarge(json.len()));
    }
    if json.starts_with(&[0xff, 0xfe]) || json.starts_with(&[0xfe, 0xff]) {
        return Err(Unreadable::Utf16);
    }
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let mut reading = Reading { each, enough: false, index: 0, totals: Totals::default() };
    let mut rest = serde_json::Deserializer::from_slice(json);
    let mut documents = 0_usize;
    while rest.end().is_err() {
        let read = rest.deserialize_any(Document(&mut reading));
        if reading.enough {
            return Ok(reading.totals);
        }
        read?;
        documents += 1;
    }
    if documents == 0 { Err(Unreadable::Empty) } else { Ok(reading.totals) }
}

/// How far the reading is.
struct Reading<F> {
    each: F,
    enough: bool,
    index: usize,
    totals: Totals,
}

impl<F: FnMut(Image) -> ControlFlow<()>> Reading<F> {
    fn image(&mut self, json: &RawValue) {
        let mut wrong = Wrong::default();
        let mut image_id = None;
        let read = if json.get().len() > IMAGE_BYTES_MAX {
            wrong.add(String::new(), format!("has {} bytes, more than {IMAGE_BYTES_MAX}", json.get().len()));
            None
        } else {
            match serde_json::from_str(json.get()) {
                Ok(Value::Object(members)) => {
                    image_id = members.get("ImageId").and_then(Value::as_str).map(shortened);
                    if image_id.as_deref().is_some_and(|id| id.starts_with("aki-") || id.starts_with("ari-")) {
                        self.totals.kernels_and_ramdisks += 1;
                        self.index += 1;
                        return;
                    }
                    image::image(members, &mut wrong)
                }
                Ok(other) => {
                    wrong.add(String::new(), format!("expected an object, not {}", members::kind(&other)));
                    None
                }
                // Only nesting deeper than any image gets here: the text as such has been looked at.
                Err(error) => {
                    wrong.add(String::new(), error.to_string());
                    None
                }
            }
        };
        match read {
            Some(image) if wrong.is_empty() => {
                self.totals.images += 1;
                self.enough = (self.each)(image).is_break();
            }
            Some(_) | None => {
                self.totals.unreadable += 1;
                for (member, description) in wrong.into_all() {
                    self.totals.violation_count += 1;
                    if self.totals.violations.len() < VIOLATIONS_KEPT_MAX {
                        let image_id = image_id.clone();
                        self.totals.violations.push(Violation { index: self.index, image_id, member, description });
                    }
                }
            }
        }
        self.index += 1;
    }
}

/// An id that is longer than any id, cut off and without control characters: it is printed.
fn shortened(id: &str) -> String {
    id.chars().take(32).flat_map(char::escape_debug).collect()
}

/// One of the three forms.
struct Document<'a, F>(&'a mut Reading<F>);

impl<'de, F: FnMut(Image) -> ControlFlow<()>> Visitor<'de> for Document<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `Images`, an array of images, or one image")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(json) = items.next_element::<&RawValue>()? {
            self.0.image(json);
            if self.0.enough {
                // An error is how a visitor ends early; nobody sees it.
                return Err(serde::de::Error::custom("enough"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        let mut is_answer = false;
        // A single image's members, unread: nothing is copied until it is clear that it is one.
        let mut image: Vec<(String, &RawValue)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == "Images" {
                is_answer = true;
                members.next_value_seed(Images(self.0))?;
            } else if is_answer || image.len() >= MEMBERS_MAX {
                members.next_value::<IgnoredAny>()?;
            } else {
                image.push((name, members.next_value()?));
            }
        }
        if is_answer {
            return Ok(());
        }
        if !image.iter().any(|(name, _)| name == "ImageId") {
            return Err(A::Error::custom("an object with neither `Images` nor `ImageId`"));
        }
        let texts = image.iter().map(|(name, json)| format!("{}:{}", Value::from(name.as_str()), json.get()));
        let json = format!("{{{}}}", texts.collect::<Vec<_>>().join(","));
        self.0.image(&RawValue::from_string(json).map_err(A::Error::custom)?);
        Ok(())
    }
}

/// The array under `Images`.
struct Images<'a, F>(&'a mut Reading<F>);

impl<'de, F: FnMut(Image) -> ControlFlow<()>> DeserializeSeed<'de> for Images<'_, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(ImagesVisitor(self.0))
    }
}

struct ImagesVisitor<'a, F>(&'a mut Reading<F>);

impl<'de, F: FnMut(Image) -> ControlFlow<()>> Visitor<'de> for ImagesVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of images")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        Document(self.0).visit_seq(items)
    }
}

#[cfg(test)]
mod tests;

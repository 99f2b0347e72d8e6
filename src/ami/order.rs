//! The order of a list of images (AIP-132): parsing `order_by`, and a total order.
//!
//! EC2 promises no order at all. Here images that are equal in every key are in order of their
//! ids, and an image without the field comes last, whichever way the key runs.

use std::cmp::Ordering;

use super::classify::total_volume_size_gib;
use crate::ec2::facts::Image;

/// A field that images can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderField {
    /// `creation_time`.
    CreationTime,
    /// `name`, by Unicode scalar values.
    Name,
    /// `image_id`.
    ImageId,
    /// `deprecation_time`.
    DeprecationTime,
    /// `last_launched_time`.
    LastLaunchedTime,
    /// `total_volume_size`: of all EBS volumes together.
    TotalVolumeSize,
}

impl OrderField {
    /// Every field.
    pub const ALL: [Self; 6] = [
        Self::CreationTime,
        Self::Name,
        Self::ImageId,
        Self::DeprecationTime,
        Self::LastLaunchedTime,
        Self::TotalVolumeSize,
    ];

    /// The name in `order_by`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreationTime => "creation_time",
            Self::Name => "name",
            Self::ImageId => "image_id",
            Self::DeprecationTime => "deprecation_time",
            Self::LastLaunchedTime => "last_launched_time",
            Self::TotalVolumeSize => "total_volume_size",
        }
    }
}

/// An `order_by` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderByError {
    /// There is no such field to order by.
    #[error("cannot order by {0:?}; expected one of {names}", names = names())]
    UnknownField(String),
    /// After the field something other than `asc` or `desc`.
    #[error("{0:?} is no direction; expected asc or desc")]
    UnknownDirection(String),
    /// The same field twice.
    #[error("{0:?} is given twice")]
    Repeated(String),
    /// Nothing between two commas.
    #[error("a field is missing between commas")]
    Empty,
}

fn names() -> String {
    OrderField::ALL.map(OrderField::as_str).join(", ")
}

/// A total order of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    keys: Vec<(OrderField, Direction)>,
}

/// Which way a key runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    /// How two values stand, of which an absent one comes last either way.
    pub(super) fn compare<K: Ord>(self, left: Option<K>, right: Option<K>) -> Ordering {
        match (left, right) {
            (Some(left), Some(right)) => match self {
                Self::Ascending => left.cmp(&right),
                Self::Descending => right.cmp(&left),
            },
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

impl Default for OrderBy {
    /// Newest first.
    fn default() -> Self {
        Self { keys: vec![(OrderField::CreationTime, Direction::Descending)] }
    }
}

impl OrderBy {
    /// Reads `order_by`: fields, each followed by ` desc`, ` asc` or nothing, joined by commas.
    /// Empty is the default, newest first.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, OrderByError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut keys: Vec<(OrderField, Direction)> = Vec::new();
        for key in text.split(',') {
            let mut words = key.split_whitespace();
            let name = words.next().ok_or(OrderByError::Empty)?;
            let field = OrderField::ALL
                .into_iter()
                .find(|field| field.as_str() == name)
                .ok_or_else(|| OrderByError::UnknownField(name.to_owned()))?;
            let direction = match (words.next(), words.next()) {
                (None | Some("asc"), None) => Direction::Ascending,
                (Some("desc"), None) => Direction::Descending,
                (Some("asc" | "desc"), Some(other)) | (Some(other), _) | (None, Some(other)) => {
                    return Err(OrderByError::UnknownDirection(other.to_owned()));
                }
            };
            if keys.iter().any(|(known, _)| *known == field) {
                return Err(OrderByError::Repeated(name.to_owned()));
            }
            keys.push((field, direction));
        }
        Ok(Self { keys })
    }

    /// The keys, the first one first.
    pub(super) fn keys(&self) -> impl Iterator<Item = (OrderField, Direction)> {
        self.keys.iter().copied()
    }

    /// How two images stand in this order. Equal only for the same id.
    pub fn compare(&self, left: &Image, right: &Image) -> Ordering {
        self.keys
            .iter()
            .map(|(field, direction)| by_field(*field, *direction, left, right))
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| left.image_id.cmp(&right.image_id))
    }
}

fn by_field(field: OrderField, direction: Direction, left: &Image, right: &Image) -> Ordering {
    match field {
        OrderField::CreationTime => direction.compare(left.creation_date, right.creation_date),
        OrderField::Name => direction.compare(left.name.as_deref(), right.name.as_deref()),
        OrderField::ImageId => direction.compare(Some(&left.image_id), Some(&right.image_id)),
        OrderField::DeprecationTime => direction.compare(left.deprecation_time, right.deprecation_time),
        OrderField::LastLaunchedTime => direction.compare(left.last_launched_time, right.last_launched_time),
        OrderField::TotalVolumeSize => direction.compare(total_volume_size_gib(left), total_volume_size_gib(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: u32, name: Option<&str>, created: Option<i64>) -> Image {
        let mut image = Image::unknown(format!("ami-{id:08x}").parse().unwrap());
        image.name = name.map(str::to_owned);
        image.creation_date = created.map(|seconds| jiff::Timestamp::from_second(seconds).unwrap());
        image
    }

    fn ordered(order_by: &str) -> Vec<u32> {
        let mut images = [
            image(4, Some("b"), Some(10)),
            image(3, Some("a"), Some(20)),
            image(2, None, Some(20)),
            image(1, Some("a"), None),
        ];
        let order = OrderBy::parse(order_by).unwrap();
        images.sort_by(|left, right| order.compare(left, right));
        images.map(|image| u32::from_str_radix(&image.image_id.as_str()[4..], 16).unwrap()).to_vec()
    }

    #[test]
    fn orders_are_total_and_absent_comes_last() {
        assert_eq!(ordered(""), [2, 3, 4, 1]);
        assert_eq!(ordered("creation_time desc"), [2, 3, 4, 1]);
        assert_eq!(ordered("creation_time"), [4, 2, 3, 1]);
        assert_eq!(ordered("name"), [1, 3, 4, 2]);
        assert_eq!(ordered("name desc, creation_time desc"), [4, 3, 1, 2]);
        assert_eq!(ordered("image_id desc"), [4, 3, 2, 1]);
        assert_eq!(ordered("total_volume_size"), [1, 2, 3, 4]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(OrderBy::parse("created"), Err(OrderByError::UnknownField("created".to_owned())));
        assert_eq!(OrderBy::parse("name down"), Err(OrderByError::UnknownDirection("down".to_owned())));
        assert_eq!(OrderBy::parse("name desc desc"), Err(OrderByError::UnknownDirection("desc".to_owned())));
        assert_eq!(OrderBy::parse("name, name desc"), Err(OrderByError::Repeated("name".to_owned())));
        assert_eq!(OrderBy::parse("name,"), Err(OrderByError::Empty));
    }
}

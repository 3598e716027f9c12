//! Field sections (RFC 9204, 4.5): the prefix, and then field lines in five forms. Two of them, and a bit of two others,
//! refer to the dynamic table, which has no entries here.

use bytes::Bytes;

use super::{
    integer,
    static_table::{self, Match},
    string,
};
use crate::h3::{
    error::{Error, FieldSectionFault, LimitError},
    frame::{FrameHeader, FrameType},
    limits::Limits,
};

/// A name and a value, as they are on the wire. They need not be valid in HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, which is in lower case in a valid message.
    pub name: Bytes,
    /// The value.
    pub value: Bytes,
    /// Whether no hop may put the value into a dynamic table, as for passwords (RFC 9204, 7.1.3).
    pub is_sensitive: bool,
}

impl Field {
    /// Creates a field that is not sensitive.
    pub fn new(name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: value.into(), is_sensitive: false }
    }

    /// The size that counts towards the limit of a field section (RFC 9114, 4.2.2), in bytes.
    pub fn size(&self) -> u64 {
        self.name.len() as u64 + self.value.len() as u64 + OVERHEAD
    }
}

/// The fields of one message in their order, pseudo-header fields first in a valid message.
///
/// ```
/// use silverback_proto::h3::{Field, FieldSection, Limits};
///
/// let section = FieldSection::from_iter([Field::new(":method", "CONNECT"), Field::new("origin", "https://a.example")]);
/// assert_eq!(FieldSection::decode(&section.encode(), &Limits::default())?, section);
/// # Ok::<_, silverback_proto::h3::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FieldSection {
    fields: Vec<Field>,
}

impl FieldSection {
    /// Decodes the payload of a HEADERS frame.
    ///
    /// # Errors
    /// Fails with [`ErrorCode::QPACK_DECOMPRESSION_FAILED`](crate::h3::ErrorCode::QPACK_DECOMPRESSION_FAILED) if the
    /// bytes are malformed or refer to the dynamic table, and with a [`LimitError`] if the section is too large.
    pub fn decode(encoded: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut rest = encoded;
        decode_prefix(&mut rest)?;
        let (mut fields, mut size) = (Vec::new(), 0);
        while !rest.is_empty() {
            if fields.len() == limits.fields {
                return Err(LimitError::Fields { limit: limits.fields }.into());
            }
            let field = decode_field(&mut rest)?;
            size += field.size();
            if size > limits.field_section {
                return Err(LimitError::FieldSection { size, limit: limits.field_section }.into());
            }
            fields.push(field);
        }
        Ok(Self { fields })
    }

    /// Returns the payload of a HEADERS frame.
    pub fn encode(&self) -> Vec<u8> {
        // 4.5.1: no entry of the dynamic table is required, and the base is 0.
        let mut encoded = vec![0, 0];
        for field in &self.fields {
            encode_field(field, &mut encoded);
        }
        encoded
    }

    /// Returns a HEADERS frame, header and payload.
    pub fn encode_frame(&self) -> Vec<u8> {
        let payload = self.encode();
        let header = FrameHeader { frame_type: FrameType::HEADERS, payload_len: payload.len() as u64 };
        [&*header.encode(), &payload].concat()
    }

    /// The size that counts towards the limit of the receiver, SETTINGS_MAX_FIELD_SECTION_SIZE, in bytes.
    pub fn size(&self) -> u64 {
        self.fields.iter().map(Field::size).sum()
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

impl FromIterator<Field> for FieldSection {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

/// 4.5.1: a required insert count of 0, and any base that is not negative.
fn decode_prefix(input: &mut &[u8]) -> Result<(), FieldSectionFault> {
    if integer::decode(input, 8)? != 0 {
        return Err(FieldSectionFault::DynamicTable);
    }
    let is_negative = input.first().is_some_and(|byte| byte & 0x80 != 0);
    integer::decode(input, 7)?;
    if is_negative { Err(FieldSectionFault::NegativeBase) } else { Ok(()) }
}

fn decode_field(input: &mut &[u8]) -> Result<Field, FieldSectionFault> {
    let first = input.first().copied().ok_or(FieldSectionFault::Truncated)?;
    match first.leading_zeros() {
        // 4.5.2: indexed.
        0 => {
            let (name, value) = decode_static(first & 0x40 != 0, input, 6)?;
            Ok(Field::new(name, value))
        }
        // 4.5.4: literal with a name from a table.
        1 => {
            let (name, _) = decode_static(first & 0x10 != 0, input, 4)?;
            let value = string::decode(input, 7)?;
            Ok(Field { name: name.into(), value, is_sensitive: first & 0x20 != 0 })
        }
        // 4.5.6: literal with a literal name.
        2 => {
            let (name, value) = (string::decode(input, 3)?, string::decode(input, 7)?);
            Ok(Field { name, value, is_sensitive: first & 0x10 != 0 })
        }
        // 4.5.3 and 4.5.5: entries of the dynamic table after the base.
        _ => Err(FieldSectionFault::DynamicTable),
    }
}

fn decode_static(
    is_static: bool,
    input: &mut &[u8],
    prefix: u8,
) -> Result<(&'static str, &'static str), FieldSectionFault> {
    let index = integer::decode(input, prefix)?;
    if !is_static {
        return Err(FieldSectionFault::DynamicTable);
    }
    static_table::entry(index).ok_or(FieldSectionFault::StaticIndex(index))
}

fn encode_field(field: &Field, into: &mut Vec<u8>) {
    let sensitive = |bit: u8| if field.is_sensitive { bit } else { 0 };
    match static_table::find(&field.name, &field.value) {
        Some(Match::Field(index)) if !field.is_sensitive => integer::encode(0xC0, 6, index, into),
        Some(Match::Field(index) | Match::Name(index)) => {
            integer::encode(0x50 | sensitive(0x20), 4, index, into);
            string::encode(0, 7, &field.value, into);
        }
        None => {
            string::encode(0x20 | sensitive(0x10), 3, &field.name, into);
            string::encode(0, 7, &field.value, into);
        }
    }
}

/// RFC 9114, 4.2.2.
const OVERHEAD: u64 = 32;

//! Replaces compression in builds without the feature `deflate`. Its types have no values, so nothing is ever
//! compressed or inflated, and the compiler removes the branches for it.

use super::{
    budget::MemoryBudget,
    params::{DeflateParams, Held},
};
use crate::wire::{
    error::{ConnectionError, LimitError},
    role::Role,
};

/// The compression that an endpoint requests. Without the feature `deflate` it has no value: `None` is all that can be
/// given for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compression {}

#[derive(Debug)]
pub(crate) enum Deflater {}

#[derive(Debug)]
pub(crate) enum Inflater {}

/// Any type that can be compared will do, because keys do not exist.
pub(crate) type Key = u8;

/// Does nothing, because no thread keeps compressors without the feature `deflate`.
pub fn release_spare() {}

impl Deflater {
    pub(crate) fn negotiated(_: Role, _: Option<&Compression>, _: &DeflateParams) -> Option<(Self, usize)> {
        None
    }

    pub(crate) fn for_single_messages(&self) -> Self {
        match *self {}
    }

    pub(crate) fn key(&self) -> Key {
        match *self {}
    }

    pub(crate) fn count_in(&mut self, _: MemoryBudget) {
        match *self {}
    }

    pub(crate) fn affords_message(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn holds_memory(&self) -> bool {
        match *self {}
    }

    pub(crate) fn push(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match *self {}
    }

    pub(crate) fn finish(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match *self {}
    }

    pub(crate) fn shrink(&mut self, _: &[u8], _: &mut Vec<u8>) -> bool {
        match *self {}
    }

    pub(crate) fn shrink_single(&self, _: &[u8], _: &mut Vec<u8>) -> bool {
        match *self {}
    }

    pub(crate) fn shrink_part(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match *self {}
    }

    pub(crate) fn shrink_rest(&mut self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> bool {
        match *self {}
    }

    pub(crate) fn reset(&mut self) {
        match *self {}
    }

    pub(crate) fn release(&mut self) {
        match *self {}
    }
}

impl Inflater {
    pub(crate) fn negotiated(_: Role, _: Option<&Compression>, _: &DeflateParams) -> Option<Self> {
        None
    }

    pub(crate) fn count_in(&mut self, _: MemoryBudget) {
        match *self {}
    }

    pub(crate) fn count_held(&mut self, _: usize) -> Result<(), LimitError> {
        match *self {}
    }

    pub(crate) fn push(
        &mut self,
        _: &[u8],
        _: impl FnMut(&[u8]) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        match *self {}
    }

    pub(crate) fn wait_with(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(crate) fn is_waiting(&self) -> bool {
        match *self {}
    }

    pub(crate) fn inflate_waiting(
        &mut self,
        _: Held,
        _: u64,
        _: impl FnMut(&[u8]) -> Result<(), ConnectionError>,
    ) -> Result<bool, ConnectionError> {
        match *self {}
    }

    pub(crate) fn finish(
        &mut self,
        _: impl FnMut(&[u8]) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        match *self {}
    }

    pub(crate) fn begin_turn(&mut self, _: u64) {
        match *self {}
    }

    pub(crate) fn left_of_turn(&self) -> u64 {
        match *self {}
    }
}

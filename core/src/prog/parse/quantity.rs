//! A quantity is a size or an address as text writes it: `1h+2p`, `v0+1h+3`.

use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Token;
use super::op::Scope;
use crate::prog::limits::{AT_UNITS_MAX, FILE_UNITS_MAX, LEN_UNITS_MAX, PAGES_MAX};
use crate::prog::op::At;
use crate::prog::size::Size;

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Huge,
    Base,
    Bare,
}

/// One number with its unit.
fn term<'t>(cursor: &mut Cursor<'t>, what: &str) -> Result<(u64, Unit, Token<'t>), ParseError> {
    let word = cursor.word(what)?;
    let (digits, unit) = match word.text.as_bytes().last() {
        Some(b'h') => (&word.text[..word.text.len() - 1], Unit::Huge),
        Some(b'p') => (&word.text[..word.text.len() - 1], Unit::Base),
        _ => (word.text, Unit::Bare),
    };
    let decimal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !decimal {
        let message = format!("expected {what}, found `{}`", word.text);
        return Err(cursor.error(word, message));
    }
    // A number too long to hold is out of every range.
    Ok((digits.parse().unwrap_or(u64::MAX), unit, word))
}

/// A number of units or pages that must not be above `max`.
fn count(
    cursor: &Cursor<'_>,
    (number, unit, word): (u64, Unit, Token<'_>),
    max: u8,
) -> Result<u8, ParseError> {
    match u8::try_from(number) {
        Ok(number) if number <= max => Ok(number),
        _ => {
            let (what, letter) = match unit {
                Unit::Huge => ("a number of huge units", "h"),
                Unit::Base => ("a number of base pages", "p"),
                Unit::Bare => ("a number of base pages", ""),
            };
            Err(cursor.out_of_range(word, what, format_args!("0{letter} to {max}{letter}")))
        }
    }
}

const SIZE: &str = "a size, such as `1h`, `2p`, `1h+2p` or `0`";

/// A size of at most `units` huge units, not counting its base pages.
fn size<'t>(cursor: &mut Cursor<'t>, units: u8) -> Result<(Size, Token<'t>), ParseError> {
    let first = term(cursor, SIZE)?;
    let word = first.2;
    match first.1 {
        Unit::Bare if first.0 != 0 => {
            let n = word.text;
            let message =
                format!("`{n}` has no unit: write `{n}h` (huge units) or `{n}p` (base pages)");
            Err(cursor.error(word, message))
        }
        Unit::Bare => Ok((Size::ZERO, word)),
        Unit::Base => Ok((Size::base(count(cursor, first, PAGES_MAX)?), word)),
        Unit::Huge => {
            let h = count(cursor, first, units)?;
            if !cursor.eat("+") {
                return Ok((Size::huge(h), word));
            }
            let second = term(cursor, "base pages, such as `2p`")?;
            if second.1 != Unit::Base {
                let message =
                    format!("expected base pages, such as `2p`, found `{}`", second.2.text);
                return Err(cursor.error(second.2, message));
            }
            Ok((Size { h, p: count(cursor, second, PAGES_MAX)? }, word))
        }
    }
}

/// The length of a range of memory.
pub(super) fn range(cursor: &mut Cursor<'_>) -> Result<Size, ParseError> {
    Ok(size(cursor, LEN_UNITS_MAX)?.0)
}

/// A page of a file.
pub(super) fn offset(cursor: &mut Cursor<'_>, hpn: u16) -> Result<Size, ParseError> {
    let (size, word) = size(cursor, FILE_UNITS_MAX)?;
    if size.pages(hpn) < Size::huge(FILE_UNITS_MAX).pages(hpn) {
        return Ok(size);
    }
    let message =
        format!("`{size}` is out of range: a file is at most {FILE_UNITS_MAX}h at hpn {hpn}");
    Err(cursor.error_from(word, message))
}

/// A size of at most `units` huge units in all; of at least one page, if it must be `some`.
pub(super) fn extent(
    cursor: &mut Cursor<'_>,
    units: u8,
    hpn: u16,
    some: bool,
) -> Result<Size, ParseError> {
    let (size, word) = size(cursor, units)?;
    if size.pages(hpn) > Size::huge(units).pages(hpn) {
        let message = format!("`{size}` is out of range: it is more than {units}h at hpn {hpn}");
        return Err(cursor.error_from(word, message));
    }
    if some && size.is_zero() {
        return Err(cursor.error_from(word, "the length must be at least 1p"));
    }
    Ok(size)
}

/// An address inside a vma.
pub(super) fn at(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<At, ParseError> {
    let word = cursor.word("an address, such as `v0+1h+3`")?;
    let vma = scope.vma(cursor, word)?;
    let mut at = At::start(vma);
    if cursor.eat("+") {
        let mut offset = term(cursor, "huge units or base pages, such as `1h` or `3`")?;
        let huge = offset.1 == Unit::Huge;
        if huge {
            at.h = count(cursor, offset, AT_UNITS_MAX)?;
        }
        if huge && cursor.eat("+") {
            offset = term(cursor, "base pages, such as `3`")?;
            if offset.1 == Unit::Huge {
                let message =
                    format!("expected base pages, such as `3`, found `{}`", offset.2.text);
                return Err(cursor.error(offset.2, message));
            }
        }
        if offset.1 != Unit::Huge {
            at.p = count(cursor, offset, PAGES_MAX)?;
        }
    }
    let pages = scope.world.pages(vma);
    if at.page(scope.hpn) >= pages {
        let (name, hpn, last) = (word.text, scope.hpn, pages - 1);
        let message = format!(
            "the address is outside `{name}`: at hpn {hpn} its pages are 0 to {last}, this is page {}",
            at.page(hpn)
        );
        return Err(cursor.error_from(word, message));
    }
    Ok(at)
}

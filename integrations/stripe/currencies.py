"""Which currency codes Stripe charges in.

A code outside this list is a fault in the data (or a currency newer than this release): how many decimal places its amounts have
isn't known, so an object in it is set aside with a reason instead of being counted a hundred times too large or too small.
"""

from typing import Final

_CODES: Final = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf clf clp cny
    cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr iqd
    irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mro mru mur mvr mwk
    mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sdg sek sgd shp sle sll sos
    srd ssp std stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd usdb usdc uyu uzs ved ves vef vnd vuv wst xaf xcd
    xcg xof xpf yer zar zmk zmw zwl
"""
KNOWN: Final = frozenset(_CODES.split())

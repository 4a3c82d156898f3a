"""Words by which shoppers speak of an aspect, and who in the shop answers for it. English; written by hand for retail.

A term is one to six words, lower case; a word also matches its plural. NAMES name an aspect and take the polarity of the
opinion around them. TELLING terms are opinion and aspect in one, with a weight from -4 to 4 as in the VADER lexicon.
"""

OWNERS = {  # aspect -> who can mend it
    "battery": "product and supplier",
    "comfort": "product and supplier",
    "delivery": "logistics",
    "description": "content and merchandising",
    "design": "product and supplier",
    "ease of use": "product and supplier",
    "packaging": "warehouse and packing",
    "performance": "product and supplier",
    "picture": "product and supplier",
    "price": "pricing",
    "quality": "product and supplier",
    "range": "buying",
    "refund": "returns and payments",
    "screen": "product and supplier",
    "size": "product and supplier",
    "smell": "product and supplier",
    "sound": "product and supplier",
    "staff": "store",
    "support": "customer service",
    "taste": "product and supplier",
}

_NAMES = {
    "battery": "battery, batteries, battery life, charge, charging, charger, rechargeable, running time",
    "comfort": "comfort, padding, cushioning, ergonomics, grip",
    "delivery": "delivery, delivery time, shipping, shipment, shipping cost, delivery charge, postage, courier, driver, "
    "parcel, dispatch, arrival, postman, order tracking, tracking, delivery service",
    "description": "description, photo on the website, picture on the website, product photo, product page, advert, "
    "advertisement, listing",
    "design": "design, style, styling, overall look, colour, color, shape, pattern, finish, appearance, print",
    "ease of use": "instruction, manual, setup, set up, installation, assembly, interface, menu, menus, control, button, "
    "navigation, user interface, remote, remote control, usability, ease of use, learning curve, software, app",
    "packaging": "packaging, package, wrapping, box, gift box, gift wrap, bubble wrap, packing",
    "performance": "performance, speed, processor, transfer rate, transfer speed, response time, reception, signal, "
    "connection, wifi, bluetooth, memory, storage, firmware",
    "picture": "picture, picture quality, image, image quality, photo, photo quality, lens, zoom, flash, resolution, "
    "optics, video, video quality, focus, autofocus",
    "price": "price, price tag, price range, cost, value, value for money, pricing",
    "quality": "quality, build quality, build, material, fabric, construction, workmanship, durability, stitching, "
    "seam, craftsmanship, reliability, handle, lid, zip, zipper, hinge, strap, paint, glaze, lining, sole",
    "range": "choice, selection, product range, assortment",
    "refund": "refund, money back, return process, returns process, return policy, returns policy, reimbursement",
    "screen": "screen, display, touchscreen, touch screen, lcd, viewfinder, backlight",
    "size": "size, sizing, fit, dimension, weight, length, width, height, capacity",
    "smell": "smell, scent, fragrance, odour, odor, perfume, aroma",
    "sound": "sound, sound quality, audio, audio quality, speaker, volume, bass, treble, headphone, earphone, earbud, "
    "headset, microphone, noise, ringtone, speakerphone",
    "staff": "staff, assistant, shop assistant, sales assistant, cashier, salesman, saleswoman, sales person, "
    "salesperson, shop staff, store manager, employee, personnel",
    "support": "support, customer service, customer support, customer care, tech support, technical support, service, "
    "helpline, help desk, hotline, call centre, call center, after sales, after-sales service, warranty",
    "taste": "taste, flavour, flavor, texture, aftertaste, recipe",
}

_TELLING = {
    "battery": {
        2.0: "lasts all day, lasts for days, lasts for ages, holds its charge, holds a charge well, long lasting battery",
        -2.0: "does not hold a charge, will not hold a charge, does not charge, will not charge, stopped charging, "
        "goes flat, runs out of power, runs out of juice, drains quickly, drains fast",
    },
    "comfort": {
        2.2: "comfortable, comfy, cosy, soft on the skin, comfortably",
        -2.2: "uncomfortable, itchy, scratchy, chafes, pinches, digs into, digs in, hurts my, hurt my",
    },
    "delivery": {
        1.8: "arrived early, arrived on time, came on time, arrived promptly, arrived quickly, came quickly, "
        "arrived next day, arrived the next day, came the next day, prompt dispatch, delivered on time, delivered promptly",
        -2.0: "never arrived, not arrived, has not arrived, did not arrive, never came, never turned up, never showed up, "
        "never received, not received, still waiting for my order, still waiting for my parcel, still waiting for delivery, "
        "arrived late, came late, arrived too late, delivered late, delivered to the wrong, left it outside, "
        "left outside, lost in the post, lost in transit, days late, weeks late, day late, week late",
    },
    "description": {
        1.8: "as described, as advertised, as pictured, like in the picture, like the picture, like in the photo, "
        "true to the picture, as shown, just as described, exactly as described",
        -2.0: "not as described, not as advertised, not as pictured, nothing like the picture, nothing like the photo, "
        "not what i ordered, not what was advertised, misleading, false advertising, wrong item, wrong colour, wrong color, "
        "wrong product, different from the picture, different from the photo, not like the picture",
    },
    "design": {
        2.2: "beautiful, pretty, gorgeous, stylish, elegant, good looking, looks good, looks great, looks lovely, "
        "looks nice, looks beautiful, looks fantastic, looks amazing, attractive, sleek, eye catching, well designed, "
        "cute, charming",
        -2.2: "ugly, hideous, tacky, garish, looks awful, looks terrible, looks horrible, looks cheap, unattractive, "
        "poorly designed, badly designed, design flaw, eyesore, dated, old fashioned",
    },
    "ease of use": {
        2.0: "easy to use, easy to set up, easy to install, easy to assemble, easy to operate, easy to navigate, "
        "easy to understand, easy to put together, easy to clean, easy to learn, simple to use, simple to set up, "
        "user friendly, user-friendly, intuitive, straightforward, self explanatory, goes together easily",
        -2.0: "hard to use, difficult to use, hard to set up, difficult to set up, hard to install, difficult to install, "
        "hard to assemble, difficult to assemble, hard to clean, difficult to clean, impossible to use, "
        "impossible to assemble, complicated, confusing, not intuitive, unintuitive, counterintuitive, fiddly, clunky, "
        "cumbersome, awkward to use, hard to navigate, difficult to navigate, hard to figure out",
    },
    "packaging": {
        2.0: "well packaged, well packed, carefully packed, carefully wrapped, beautifully wrapped, nicely wrapped, "
        "beautifully packaged, nicely packaged, securely packed, packed well, packaged well",
        -2.0: "badly packaged, poorly packaged, badly packed, poorly packed, poorly wrapped, badly wrapped, "
        "box was crushed, box was damaged, box was torn, box was open, not wrapped, no padding, damaged in transit",
    },
    "performance": {
        1.8: "fast, responsive, speedy, runs smoothly, works smoothly, lightning fast, snappy, never crashes",
        -2.0: "slow, sluggish, laggy, lags, lag, freezes, froze, freezing up, locks up, locked up, crashes, crashed, "
        "crash, takes forever, takes ages, loses connection, drops the connection, reboots, overheats, "
        "keeps restarting, unresponsive, runs hot",
    },
    "picture": {
        2.0: "sharp images, sharp pictures, crisp pictures, clear pictures, great pictures, beautiful pictures, "
        "takes great pictures, takes good pictures",
        -2.0: "blurry, grainy, out of focus, pixelated, washed out, red eye, overexposed, underexposed, blurred",
    },
    "price": {
        2.0: "cheap, inexpensive, affordable, great value, good value, excellent value, bargain, great deal, good deal, "
        "worth every penny, worth the money, worth the price, worth it, reasonably priced, well priced, low price, "
        "great price, good price, good buy, great buy, best buy, on sale, worth every cent",
        -2.2: "expensive, overpriced, pricey, too dear, gone up, went up, not worth the money, not worth the price, not worth it, rip off, "
        "rip-off, ripoff, waste of money, cheaper elsewhere, costs too much, cost too much, over priced, poor value, "
        "bad value, extortionate, daylight robbery, too much money",
    },
    "quality": {
        2.0: "well made, well built, sturdy, solid, durable, robust, high quality, good quality, great quality, top quality, "
        "beautifully made, built to last, lasts forever, still going strong, hard wearing, reliable, strong, "
        "works perfectly, works well, works great, works fine, works like a charm, heavy duty, top notch, works flawlessly",
        -2.2: "broke, broken, breaks, breaking, fell apart, falling apart, falls apart, came apart, came off, fell off, "
        "stopped working, stops working, quit working, does not work, did not work, doesn't work, will not work, "
        "would not work, no longer works, not working, never worked, gave up, died, dead, faulty, defective, defect, flimsy, "
        "cheaply made, feels cheap, cheap plastic, cheap and nasty, poorly made, badly made, poor quality, bad quality, "
        "low quality, shoddy, cracked, crack, leaks, leaked, leaking, leaky, torn, ripped, tore, split, snapped, "
        "chipped, chip, scratched, scratch, scratches easily, dented, dent, rust, rusted, rusty, faded, fades, fade, peeling, "
        "peeled off, wore out, worn out, shrank, shrunk, unreliable, malfunction, malfunctioned, malfunctions, missing, "
        "does not close, will not close, does not open, will not open, does not stay, would not stay, bent, warped, wobbly, loose, shattered, smashed, in pieces, unusable, useless, stained, damaged, wears out",
    },
    "range": {
        1.8: "plenty to choose from, great choice, good choice, huge choice, large selection, great selection",
        -1.8: "out of stock, sold out, no choice, never in stock, discontinued",
    },
    "refund": {
        1.8: "refunded me, refunded straight away, refunded immediately, full refund, money back straight away, "
        "replaced it without, replaced it straight away, exchanged it without",
        -2.0: "still waiting for my refund, no refund, refused to refund, refuse to refund, will not refund, "
        "would not refund, want my money back, never refunded, not refunded, refused a refund, not had my money back, "
        "not seen my money, refused to replace, refused to take it back",
    },
    "screen": {
        2.0: "bright screen, sharp screen, easy to read screen",
        -2.0: "dead pixel, screen cracked, cracked screen, hard to read in sunlight, flickers, flickering",
    },
    "size": {
        2.0: "fits perfectly, fits well, fits great, perfect fit, fits like a glove, true to size, right size, good size, "
        "fit perfectly, fits nicely, compact, roomy, spacious, lightweight, perfect size, pocket sized, fits in",
        -2.0: "too small, too big, too large, too long, too short, too tight, too loose, too wide, too narrow, too heavy, "
        "too bulky, bulky, does not fit, did not fit, doesn't fit, will not fit, would not fit, smaller than expected, "
        "bigger than expected, smaller than i expected, larger than expected, runs small, runs large, runs big, "
        "wrong size, tiny, heavier than, comes up small, comes up big, baggy, ill fitting, size up, size down, too thin, "
        "too thick",
    },
    "smell": {
        1.8: "smells lovely, smells great, smells good, smells amazing, smells nice, smells wonderful, smells divine, "
        "smells gorgeous, smells fantastic, smells beautiful",
        -2.0: "smells awful, smells bad, smells terrible, smells horrible, smells of, smells like, smelly, stinks, stink, "
        "stank, stench, musty, smelled of, smelled like, smelt of",
    },
    "sound": {
        1.8: "sounds great, sounds good, sounds fantastic, sounds amazing, sounds excellent, crystal clear sound, loud and clear",
        -1.8: "noisy, crackles, crackling, hisses, hissing, hiss, distorted, distortion, tinny, muffled, sounds terrible, "
        "sounds awful, sounds bad, too quiet, too loud, buzzing, static, rattles, squeaks, squeaky",
    },
    "staff": {
        2.0: "went out of her way, went out of his way, went out of their way, served by a lovely, knowledgeable",
        -2.0: "ignored us, ignored me, kept us waiting, nobody to help, no one to help, could not be bothered",
    },
    "support": {
        1.8: "replied promptly, replied quickly, answered promptly, sorted it out, sorted out quickly, sorted straight away",
        -2.0: "never answered, never answers, never replied, no reply, no response, never got back to me, did not reply, "
        "nobody answers, no one answers, ignored my, hung up on, kept on hold, on hold for, did not answer",
    },
    "taste": {
        2.2: "delicious, tasty, yummy, tastes great, tastes good, tastes lovely, tastes amazing, scrumptious, moreish, "
        "mouth watering, flavoursome, flavorful",
        -2.2: "bland, tasteless, bitter, stale, inedible, tastes awful, tastes bad, tastes horrible, tastes terrible, "
        "disgusting taste, undercooked, overcooked, burnt, rancid, mouldy, moldy, gone off, soggy, no flavour, no flavor, "
        "no taste, too salty, too sweet, off taste",
    },
}

ASPECTS = tuple(OWNERS)


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(","))


NAMES: dict[str, str] = {term: aspect for aspect, words in _NAMES.items() for term in _split(words)}
TELLING: dict[str, tuple[str, float]] = {
    term: (aspect, weight)
    for aspect, by_weight in _TELLING.items()
    for weight, words in by_weight.items()
    for term in _split(words)
}

"""What in a new description of the API would break a client of the old one."""
import descriptors


def by(key, items):
    return {getattr(item, key): item for item in items}


def breaks(old, new):
    """A line for each."""
    old_files, new_files = descriptors.ours(old), descriptors.ours(new)
    found = []
    old_messages, new_messages = all_of(descriptors.messages_of, old_files), all_of(descriptors.messages_of, new_files)
    for name, message in old_messages.items():
        if name in new_messages:
            found += message_breaks(name, message, new_messages[name])
        else:
            found.append(f"message {name} is gone")
    old_enums, new_enums = all_of(descriptors.enums_of, old_files), all_of(descriptors.enums_of, new_files)
    for name, enum in old_enums.items():
        if name in new_enums:
            found += enum_breaks(name, enum, new_enums[name])
        else:
            found.append(f"enum {name} is gone")
    old_services, new_services = services_of(old_files), services_of(new_files)
    for name, service in old_services.items():
        if name in new_services:
            found += service_breaks(name, service, new_services[name])
        else:
            found.append(f"service {name} is gone")
    return found


def all_of(kind, files):
    return {name: item for file in files for name, item in kind(file)}


def services_of(files):
    return {f"{file.package}.{service.name}": service for file in files for service in file.service}


def oneof_of(message, field):
    # That of an `optional` field is no oneof for anybody.
    if not field.HasField("oneof_index") or field.proto3_optional:
        return ""
    return message.oneof_decl[field.oneof_index].name


def message_breaks(name, old, new):
    found = []
    new_fields = by("number", new.field)
    reserved = {number for taken in new.reserved_range for number in range(taken.start, taken.end)}
    for field in old.field:
        where = f"{name}.{field.name} = {field.number}"
        now = new_fields.get(field.number)
        if now is None:
            moved = by("name", new.field).get(field.name)
            found.append(f"{where} " + (f"has the number {moved.number} now" if moved else
                                        "is gone" + ("" if field.number in reserved else ", its number not reserved")))
            continue
        if now.name != field.name:
            found.append(f"{where} is named {now.name} now")
        if (now.type, now.type_name) != (field.type, field.type_name):
            found.append(f"{where} has another type now")
        if now.label != field.label:
            found.append(f"{where} is repeated now, or no more")
        if now.proto3_optional != field.proto3_optional:
            found.append(f"{where} is optional now, or no more")
        if oneof_of(new, now) != oneof_of(old, field):
            found.append(f"{where} is in another oneof now")
    return found


def enum_breaks(name, old, new):
    values = by("number", new.value)
    return [f"{name}.{value.name} = {value.number} " +
            (f"is named {values[value.number].name} now" if value.number in values else "is gone")
            for value in old.value if value.number not in values or values[value.number].name != value.name]


def service_breaks(name, old, new):
    found = []
    methods = by("name", new.method)
    for method in old.method:
        where = f"{name}.{method.name}"
        now = methods.get(method.name)
        if now is None:
            found.append(f"{where} is gone")
            continue
        if (now.input_type, now.output_type) != (method.input_type, method.output_type):
            found.append(f"{where} takes or gives another message now")
        if (now.client_streaming, now.server_streaming) != (method.client_streaming, method.server_streaming):
            found.append(f"{where} streams now, or no more")
    return found
